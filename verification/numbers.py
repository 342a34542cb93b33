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
from zoo.models.registry import create_model, find_entry
from zoo.paths import THIRD_PARTY
from zoo.weights import import_weights

REFERENCES = THIRD_PARTY / "references" / "numeric"
OWN_REFERENCES = FOLDER / "numeric"  # by `numeric_reference.py`, where torchvision has no such network
TOLERANCE = 1e-4  # of the standard deviation; see third_party/references/README.md for where it comes from


def load_reference(model_name: str) -> dict[str, Any] | None:
    """The numbers of another implementation, or None if there are none."""
    for folder in (REFERENCES, OWN_REFERENCES):
        path = folder / f"{model_name}.json"
        if path.exists():
            return json.loads(path.read_text())
    return None


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
        values = random.standard_normal(shape) * math.sqrt(gain / math.prod(shape[1:]))
    return values.astype(np.float32)


def regenerated_input(size: int) -> np.ndarray:
    """The float32 input [2, size, size, 3] that third_party/references/README.md defines."""
    random = np.random.RandomState(0)
    low = random.standard_normal((2, 7, 7, 3))
    high = random.standard_normal((2, size, size, 3))
    index = np.arange(size) * 7 // size
    return (low[:, index][:, :, index] + 0.5 * high).astype(np.float32)


# Not layers of ours: functions, containers, and dropout, which does nothing in evaluation and in front of a linear layer
# sees images that the two sides lay out differently.
LEFT_OUT = ("ReLU", "ReLU6", "Hardswish", "Flatten", "Sequential", "Dropout", "_DenseBlock", "AnyStage")


def check_numbers(model_name: str, input_size: int) -> Iterator[Check]:
    """Compares logits and the activations of every layer that the reference knows."""
    group = Group(model_name, "architecture")
    reference = load_reference(model_name)
    if reference is None:
        yield group.skip("numbers", "no other implementation's numbers are at hand")
        return
    layouts = find_entry(model_name).layouts
    layout = next((layout for layout in ("torchvision", "torch") if layout in layouts), None)
    if layout is None:
        yield group.check(
            "numbers", False, f"it is not known what {reference['builder']} calls the layers of {model_name}"
        )
        return
    tensors = {
        name: regenerated_tensor(name, tuple(shape), reference["gain"]) for name, shape in reference["state_dict"]
    }
    variables = import_weights(model_name, tensors, layout)
    model = create_model(model_name)
    outputs = {}

    def record(next_function, args, kwargs, context):
        output = next_function(*args, **kwargs)
        outputs["/".join(context.module.path)] = output
        return output

    def apply(variables, images):
        with nn.intercept_methods(record):
            logits = model.apply(variables, images, train=False)
        return logits, dict(outputs)

    with jax.default_matmul_precision("highest"):
        logits, activations = jax.device_get(jax.jit(apply)(variables, regenerated_input(input_size)))

    expected = np.array(reference["outputs_f64"]["logits"])
    deviation = np.abs(logits - expected).max() / expected.std()
    yield group.check(
        "logits",
        bool(deviation <= TOLERANCE),
        f"differ from {reference['builder']} by {deviation:.1e} of their deviation, {TOLERANCE:.0e} is allowed",
    )
    named = {layouts[layout].name(path): output for path, output in activations.items()}
    yield _check_stages(group, reference, named)


def _check_stages(group, reference, activations):
    """Mean, deviation and first eight values of each layer that both sides have; they are rounded to 7 digits."""
    stages = {stage["name"]: stage for stage in reference["stage_fingerprints"] if stage["type"] not in LEFT_OUT}
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
        same_shape = list(output.shape) == stage["out"]
        difference = np.abs(np.subtract(values, expected)).max() if same_shape else math.inf
        deviations[layer] = difference / stage["std"]
    worst = max(deviations, key=deviations.get, default="none")
    return group.check(
        "activations",
        len(deviations) > 0 and deviations[worst] <= TOLERANCE,
        f"of {len(deviations)} layers the worst, {worst}, differs by {deviations.get(worst, math.nan):.1e} of its deviation",
    )
