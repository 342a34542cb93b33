"""Holds a network's logits and activations, for weights that anyone can make again, against another implementation's."""

import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from verification.check import Check, Group
from verification.facts.derive import IMPLEMENTATIONS
from zoo.models.registry import create_model
from zoo.weights import LAYER_NAMES, import_weights

REFERENCES = Path(__file__).resolve().parents[1] / "third_party" / "references" / "numeric"
TOLERANCE = 1e-4  # of the standard deviation; see third_party/references/README.md for where it comes from


def load_reference(model_name: str) -> dict[str, Any] | None:
    """The numbers of another implementation, or None if there are none."""
    path = REFERENCES / f"{model_name}.json"
    return json.loads(path.read_text()) if path.exists() else None


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


def check_numbers(model_name: str, input_size: int) -> Iterator[Check]:
    """Compares logits and the activations of every layer that the reference knows."""
    group = Group(model_name, "architecture")
    reference = load_reference(model_name)
    if reference is None:
        yield group.skip("numbers", "no other implementation's numbers are at hand")
        return
    layout = next(layout for layout, name in LAYER_NAMES if name == model_name)
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
    yield _check_stages(group, reference, activations, IMPLEMENTATIONS.get(model_name, (None, {}))[1])


def _check_stages(group, reference, activations, names):
    """Mean, deviation and first eight values of each layer that both sides have; they are rounded to 7 digits."""
    # Dropout does nothing in evaluation, and in front of a linear layer the two sides lay out images differently.
    stages = {
        names.get(stage["name"], stage["name"]): stage
        for stage in reference["stage_fingerprints"]
        if stage["type"] != "Dropout"
    }
    deviations = {}
    for layer, output in activations.items():
        if layer in stages:
            stage = stages[layer]
            values = [output.mean(dtype=np.float64), output.std(dtype=np.float64, ddof=1), *output[0].ravel()[:8]]
            expected = [stage["mean"], stage["std"], *stage["first8_img0"]]
            same_shape = list(output.shape) == stage["out"]
            difference = np.abs(np.subtract(values, expected)).max() if same_shape else math.inf
            deviations[layer] = difference / stage["std"]
    worst = max(deviations, key=deviations.get, default="none")
    return group.check(
        "activations",
        0 < len(deviations) and deviations[worst] <= TOLERANCE,
        f"of {len(deviations)} layers the worst, {worst}, differs by {deviations.get(worst, math.nan):.1e} of its deviation",
    )
