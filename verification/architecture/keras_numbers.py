"""Checks of a network's logits against those of Keras's network, for reproducible weights."""

import json
import math
import zlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from verification.architecture.numbers import TOLERANCE, gaussian, regenerated_input
from verification.check import Check, Group
from zoo.compilation import run_once
from zoo.errors import ZooError
from zoo.models.registry import create_model, find_entry
from zoo.paths import THIRD_PARTY
from zoo.weights import import_weights

KERAS_REFERENCES = THIRD_PARTY / "references" / "keras"  # written by verification/references/keras_numbers.py


def load_keras_reference(model_name: str) -> dict[str, Any] | None:
    """Returns the reference numbers of Keras's network, or None if there are none."""
    path = KERAS_REFERENCES / f"{model_name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def regenerated_variable(name: str, shape: tuple[int, ...], gain: float) -> np.ndarray:
    """Returns the float32 values of a Keras variable, as defined in third_party/references/README.md."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    variable = name.rpartition("/")[2]
    if variable in ("bias", "beta", "moving_mean"):
        values = 0.1 * random.standard_normal(shape)
    elif variable in ("gamma", "moving_variance"):
        values = random.uniform(0.5, 1.5, shape)
    elif len(shape) == 1:
        values = random.uniform(0.1, 0.5, shape)
    else:
        # Depthwise kernels are [height, width, channels, 1] with one input channel; others end in the output channels.
        fan_in = math.prod(shape[:2] if len(shape) == 4 and shape[3] == 1 else shape[:-1])
        values = gaussian(random, shape, math.sqrt(gain / fan_in))
    return values.astype(np.float32, copy=False)


def check_keras_numbers(model_name: str) -> Iterator[Check]:
    """Compares the logits with Keras's, if Keras has the network."""
    reference = load_keras_reference(model_name)
    if reference is None:
        return
    model = create_model(model_name, **find_entry(model_name).layouts["keras"].options)
    group = Group(model_name, "architecture")
    weights = {
        name: regenerated_variable(name, tuple(shape), reference["gain"]) for name, shape in reference["variables"]
    }
    try:
        variables = import_weights(model, weights, "keras")
    except ZooError as error:
        yield group.check("keras logits", False, f"the reference's weights do not fit: {error}")
        return
    with jax.default_matmul_precision("highest"):
        images = regenerated_input(tuple(reference["input_nhwc"][1:]))
        logits = run_once(lambda variables, images: model.apply(variables, images, train=False), variables, images)
    expected = np.array(reference["outputs_f64"]["logits"])
    error = np.abs(logits - expected).max() / expected.std()
    yield group.check(
        "keras logits",
        bool(error <= TOLERANCE),
        f"differ from {reference['builder']} by {error:.1e} standard deviations, tolerance {TOLERANCE:.0e}",
        {"value": float(error), "high": TOLERANCE},
    )
