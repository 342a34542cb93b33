"""Holds a network's logits and activations, for weights that anyone can make again, against another implementation's."""

import json
import math
import zlib
from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from verification.check import Check, Group
from verification.facts import FOLDER
from zoo.compilation import run_once
from zoo.models.registry import create_model, find_entry
from zoo.paths import THIRD_PARTY
from zoo.weights import import_weights

REFERENCES = THIRD_PARTY / "references" / "numeric"
OWN_REFERENCES = FOLDER / "numeric"  # measured on the authors' own networks, where neither torchvision nor timm has one
LAYOUTS = {"torchvision": "torchvision", "timm": "timm", "zoo": "torch"}  # by the package that a builder is from
CACHED = 2**16
TOLERANCE = 1e-4  # of the standard deviation; see third_party/references/README.md for where it comes from


def load_reference(model_name: str) -> dict[str, Any] | None:
    """The numbers of another implementation, or None if there are none."""
    for folder in (REFERENCES, OWN_REFERENCES):
        path = folder / f"{model_name}.json"
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
    return None


def layout_of(reference: dict[str, Any]) -> str:
    """The layout that a reference has its names and axes in."""
    return LAYOUTS[reference["builder"].partition(".")[0]]


def regenerated_tensor(name: str, shape: tuple[int, ...], gain: float) -> np.ndarray:
    """The float32 tensor that third_party/references/README.md defines for a name and a shape."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.float32)
    if name.endswith((".running_mean", ".bias")):
        values = 0.1 * random.standard_normal(shape)
    elif name.endswith(".layer_scale"):
        values = random.uniform(0.1, 0.5, shape)
    elif name.endswith(".running_var") or len(shape) == 1:
        values = random.uniform(0.5, 1.5, shape)
    else:
        values = gaussian(random, shape, math.sqrt(gain / math.prod(shape[1:])))
    return values.astype(np.float32, copy=False)


def gaussian(random: np.random.RandomState, shape: tuple[int, ...], deviation: float) -> np.ndarray:
    """`deviation` times the standard normal values that `random` gives next, in float32.

    They are drawn a few at a time, which stay in the cache as float64: a large kernel takes a quarter of the time.
    """
    values = np.empty(math.prod(shape), np.float32)
    for part in np.split(values, range(CACHED, values.size, CACHED)):
        part[:] = random.standard_normal(part.size) * deviation
    return values.reshape(shape)


def regenerated_input(input_shape: tuple[int, int, int]) -> np.ndarray:
    """The float32 input [2, S, S, C] of third_party/references/README.md, for an `input_shape` of (S, S, C)."""
    size, _, channels = input_shape
    random = np.random.RandomState(0)
    low = random.standard_normal((2, 7, 7, channels))
    high = random.standard_normal((2, size, size, channels))
    index = np.arange(size) * 7 // size
    return (low[:, index][:, :, index] + 0.5 * high).astype(np.float32)


# Not layers of ours: functions, containers, two layers in one (timm's), and dropout, which does nothing in evaluation
# and in front of a linear layer sees images that the two sides lay out differently.
LEFT_OUT = ("ReLU", "ReLU6", "Hardswish", "Tanh", "Flatten", "Identity", "Sequential",
            "BatchNormAct2d", "SeparableConv2d", "Dropout")  # fmt: skip


def check_numbers(model_name: str) -> Iterator[Check]:
    """Compares logits and the activations of every stage that the reference knows."""
    group = Group(model_name, "architecture")
    reference = load_reference(model_name)
    if reference is None:
        yield group.check("numbers", False, "no other implementation's numbers are at hand to hold it against")
        return
    layout, layouts = layout_of(reference), find_entry(model_name).layouts
    if layout not in layouts:
        yield group.check("numbers", False, f"it is not known what {reference['builder']} calls this network's layers")
        return
    tensors = {
        name: regenerated_tensor(name, tuple(shape), reference["gain"]) for name, shape in reference["state_dict"]
    }
    variables = import_weights(model_name, tensors, layout)
    stages = {stage["name"]: stage for stage in reference["stage_fingerprints"] if stage["type"] not in LEFT_OUT}
    logits, activations = _apply(model_name, variables, layouts[layout], stages.keys())

    expected = np.array(reference["outputs_f64"]["logits"])
    deviation = np.abs(logits - expected).max() / expected.std()
    yield group.check(
        "logits",
        bool(deviation <= TOLERANCE),
        f"differ from {reference['builder']} by {deviation:.1e} of their deviation, {TOLERANCE:.0e} is allowed",
    )
    yield _check_stages(group, stages, activations)


def _apply(model_name, variables, layout, wanted):
    """The logits, and the outputs of the layers that the layout gives one of the wanted names, by these names."""
    entry, model = find_entry(model_name), create_model(model_name)

    def apply(variables, images):
        activations = {}

        def record(next_function, args, kwargs, context):
            output = next_function(*args, **kwargs)
            name = layout.name("/".join(context.module.path))
            if name in wanted:  # all of them would not fit into the memory of a small machine
                activations[name] = output
            return output

        with nn.intercept_methods(record):
            logits = model.apply(variables, images, train=False)
        return logits, activations

    with jax.default_matmul_precision("highest"):
        return run_once(apply, variables, regenerated_input(entry.input_shape))


def _check_stages(group, stages, activations):
    """Mean, deviation and first eight values of each stage; they are rounded to 7 digits."""
    unmet = sorted(stages.keys() - activations.keys())
    if unmet:
        return group.check(
            "activations", False, f"the reference has the layers {', '.join(unmet)}, and this network has not"
        )
    deviations = {}
    for layer, stage in stages.items():
        output = activations[layer]
        values = [output.mean(dtype=np.float64), output.std(dtype=np.float64, ddof=1), *output[0].ravel()[:8]]
        expected = [stage["mean"], stage["std"], *stage["first8_img0"]]
        same_shape = _without_ones(output.shape) == _without_ones(stage["out"])
        difference = np.abs(np.subtract(values, expected)).max() if same_shape else math.inf
        deviations[layer] = difference / stage["std"]
    worst = max(deviations, key=deviations.get, default="none")
    return group.check(
        "activations",
        len(deviations) > 0 and deviations[worst] <= TOLERANCE,
        f"of {len(deviations)} layers the worst, {worst}, differs by {deviations.get(worst, math.nan):.1e} of its deviation",
    )


def _without_ones(shape):
    """Images of one pixel are vectors, too: timm's pools flatten, and its last layer can be a 1x1 convolution."""
    return [size for size in shape if size != 1]
