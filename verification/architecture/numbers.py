"""Checks of a network's logits and activations against another implementation's, for reproducible weights."""

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
from zoo.errors import ZooError
from zoo.models.registry import create_model, find_entry
from zoo.paths import THIRD_PARTY
from zoo.weights import import_weights

REFERENCES = THIRD_PARTY / "references" / "numeric"
OWN_REFERENCES = (
    FOLDER / "numeric"
)  # for networks that neither torchvision nor timm has; from zoo/references/torch_networks
LAYOUTS = {"torchvision": "torchvision", "timm": "timm", "zoo": "torch"}  # by the top-level package of the builder
CHUNK = 2**16  # values; fits into the CPU cache as float64
TOLERANCE = 1e-4  # standard deviations; derived in third_party/references/README.md
# Of logits at the default precision on GPUs, TF32 with 10 bits of mantissa, and on TPUs, bfloat16 with 7: factors are
# rounded by up to 2^-11 or 2^-8 (JAX, `jax.lax.Precision`). As that of a network in bfloat16.
DEFAULT_TOLERANCE = 3e-2


def load_reference(model_name: str) -> dict[str, Any] | None:
    """Returns the reference numbers of another implementation, or None if there are none."""
    for folder in (REFERENCES, OWN_REFERENCES):
        path = folder / f"{model_name}.json"
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
    return None


def layout_of(reference: dict[str, Any]) -> str:
    """Returns the layout of the names and axes in a reference."""
    return LAYOUTS[reference["builder"].partition(".")[0]]


def regenerated_tensor(name: str, shape: tuple[int, ...], gain: float) -> np.ndarray:
    """Returns the float32 values of a tensor, as defined in third_party/references/README.md."""
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


def gaussian(random: np.random.RandomState, shape: tuple[int, ...], std: float) -> np.ndarray:
    """Returns the next standard normal values of `random` times `std`, in float32.

    They are sampled in chunks that stay in the cache as float64, which takes a quarter of the time for large kernels.
    """
    values = np.empty(math.prod(shape), np.float32)
    for part in np.split(values, range(CHUNK, values.size, CHUNK)):
        part[:] = random.standard_normal(part.size) * std
    return values.reshape(shape)


def regenerated_input(input_shape: tuple[int, int, int]) -> np.ndarray:
    """Returns the float32 input [2, S, S, C] of third_party/references/README.md, for `input_shape` (S, S, C)."""
    size, _, channels = input_shape
    random = np.random.RandomState(0)
    low = random.standard_normal((2, 7, 7, channels))
    high = random.standard_normal((2, size, size, channels))
    index = np.arange(size) * 7 // size
    return (low[:, index][:, :, index] + 0.5 * high).astype(np.float32)


# Module types without a counterpart among the zoo's layers: functions, containers, timm's fused layers; and dropout,
# the identity in evaluation, whose input may be flattened from NCHW or NHWC.
IGNORED_TYPES = ("ReLU", "ReLU6", "Hardswish", "Tanh", "Flatten", "Identity", "Sequential",
                 "BatchNormAct2d", "SeparableConv2d", "Dropout")  # fmt: skip


def check_numbers(model_name: str) -> Iterator[Check]:
    """Compares the logits, and the activations of every stage in the reference."""
    group = Group(model_name, "architecture")
    reference = load_reference(model_name)
    if reference is None:
        yield group.check("numbers", False, "no reference numbers: make them with verification/references/numbers.py")
        return
    layout, layouts = layout_of(reference), find_entry(model_name).layouts
    if layout not in layouts:
        yield group.check(
            "numbers", False, f"missing layout {layout!r}: the layer names of {reference['builder']} are unknown"
        )
        return
    tensors = {
        name: regenerated_tensor(name, tuple(shape), reference["gain"]) for name, shape in reference["state_dict"]
    }
    try:
        variables = import_weights(model_name, tensors, layout)
    except ZooError as error:  # another network than the reference's, which must not end the other checks
        yield group.check("numbers", False, f"the reference's weights do not fit: {error}")
        return
    stages = {stage["name"]: stage for stage in reference["stage_fingerprints"] if stage["type"] not in IGNORED_TYPES}
    # Training has the default precision, which on CPUs is float32; elsewhere, its products have fewer bits.
    exact_by_default = jax.default_backend() == "cpu"
    precision = None if exact_by_default else "highest"
    logits, activations = _apply(model_name, variables, layouts[layout], stages.keys(), precision)

    expected = np.array(reference["outputs_f64"]["logits"])
    error = np.abs(logits - expected).max() / expected.std()
    yield group.check(
        "logits",
        bool(error <= TOLERANCE),
        f"differ from {reference['builder']} by {error:.1e} standard deviations, tolerance {TOLERANCE:.0e}",
        {"value": float(error), "high": TOLERANCE},
    )
    yield _check_stages(group, stages, activations)
    if not exact_by_default:
        logits, _ = _apply(model_name, variables, layouts[layout], (), None)
        error = np.abs(logits - expected).max() / expected.std()
        yield group.check(
            "default precision",
            bool(error <= DEFAULT_TOLERANCE),
            f"logits differ by {error:.1e} standard deviations at the default precision of products on"
            f" {jax.default_backend()}, tolerance {DEFAULT_TOLERANCE:.0e}",
        )


def _apply(model_name, variables, layout, wanted, precision):
    """Returns the logits, and the outputs of the layers with the wanted names in the layout, by name.

    `precision` is that of products, see `jax.default_matmul_precision`; None for the platform's default.
    """
    entry, model = find_entry(model_name), create_model(model_name)

    def apply(variables, images):
        activations = {}

        def record(next_function, args, kwargs, context):
            output = next_function(*args, **kwargs)
            name = layout.name("/".join(context.module.path))
            if name in wanted:  # the activations of all layers may exceed the memory
                activations[name] = output
            return output

        with nn.intercept_methods(record):
            logits = model.apply(variables, images, train=False)
        return logits, activations

    with jax.default_matmul_precision(precision):
        return run_once(apply, variables, regenerated_input(entry.input_shape))


def _check_stages(group, stages, activations):
    """Compares mean, standard deviation and first eight values of each stage, which are rounded to 7 digits."""
    missing = sorted(stages.keys() - activations.keys())
    if missing:
        return group.check("activations", False, f"missing layers of the reference: {', '.join(missing)}")
    errors = {}
    for layer, stage in stages.items():
        output = activations[layer]
        values = [output.mean(dtype=np.float64), output.std(dtype=np.float64, ddof=1), *output[0].ravel()[:8]]
        expected = [stage["mean"], stage["std"], *stage["first8_img0"]]
        same_shape = _without_ones(output.shape) == _without_ones(stage["out"])
        difference = np.abs(np.subtract(values, expected)).max() if same_shape else math.inf
        errors[layer] = difference / stage["std"]
    worst = max(errors, key=errors.get, default="none")
    return group.check(
        "activations",
        len(errors) > 0 and errors[worst] <= TOLERANCE,
        f"{len(errors)} layers differ by at most {errors.get(worst, math.nan):.1e} standard deviations, in {worst}",
        {"value": float(errors[worst]), "high": TOLERANCE, "n": len(errors)} if errors else None,
    )


def _without_ones(shape):
    """Drops axes of size 1: timm's pools flatten images of one pixel, and its last layer can be a 1x1 convolution."""
    return [size for size in shape if size != 1]
