"""The program that is exported: from images after resize and crop, or from normalized inputs, to logits."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zoo.data import augment
from zoo.data.augment.canvas import Canvas, transformed
from zoo.errors import ZooError
from zoo.inference.classifier import Classifier
from zoo.layers.lowering import convolution_lowering
from zoo.recipe.augmentation import TenCrop

Input = Literal["raw", "normalized"]
INPUT_NAME, OUTPUT_NAME, BATCH = "images", "logits", "batch"


class Program(NamedTuple):
    """A program for any batch size; its operations are JAX's own.

    Attributes:
      function: from inputs [n, *shape] to logits, float32 [n, classes].
      prepare: from images [n, *image_shape], or features [n, 1, 1, F], as they come from the input pipeline, to the
        inputs of `function`; float32 or uint8.
      shape: of an input without the axis of the batch.
      dtype: of the inputs, uint8 or float32.
      meaning: of the inputs, in words.
    """

    function: Callable[[Any], jax.Array]
    prepare: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    meaning: str


def make_program(classifier: Classifier, kind: Input) -> Program:
    """Makes the program of a classifier.

    Args:
      classifier: whose network computes in float32.
      kind: "raw": the program normalizes. Its inputs are uint8 images from 0 to 255 after resize and crop, or float32
        features in the units of the training table. "normalized": its inputs are those of the network, float32.

    Raises:
      ZooError: the network's input depends on views that the program would have to average.
    """
    _, device = classifier.host_and_device_transforms
    if kind == "normalized" and isinstance(device[-1], TenCrop):
        raise ZooError("the network's predictions for ten crops are averaged: export it with --input=raw")
    variables, statistics = classifier.variables, classifier.statistics
    key = jax.random.key(0)  # that transforms expect and those of evaluation do not use

    features = classifier.feature_names is not None

    def inputs_of(images):
        if features:  # elementwise, and jax2onnx lacks batching rules of `clip` and `where`
            return _transform(device, images, key, statistics)
        return jax.vmap(lambda image: _transform(device, image, key, statistics))(images)

    def logits_of(inputs):
        logits = classifier.network.apply(variables, inputs.reshape(-1, *inputs.shape[-3:]), train=False)
        assert isinstance(logits, jax.Array)
        if isinstance(device[-1], TenCrop):
            views = inputs.shape[1]
            logits = augment.average_views(device[-1], logits.reshape(-1, views, logits.shape[-1]))
        return logits.astype(jnp.float32)

    shape = (classifier.channels,) if features else classifier.image_shape
    if kind == "normalized":
        shape = shape if features else classifier.input_shape

    @convolution_lowering("xla")
    def function(inputs):
        images = inputs[:, None, None, :] if features else inputs
        return logits_of(inputs_of(images) if kind == "raw" else images)

    def prepare(images):
        if kind == "raw":
            return images[:, 0, 0] if features else images
        inputs = np.asarray(inputs_of(jnp.asarray(images)))
        return inputs[:, 0, 0] if features else inputs

    dtype = np.dtype(np.float32 if features or kind == "normalized" else np.uint8)
    return Program(function, prepare, shape, dtype, _meaning(classifier, kind))


def _transform(transforms, image, key, statistics):
    """Applies transforms that are not random; keys derived from the key would be operations of the program."""
    canvas = Canvas(jnp.asarray(image, jnp.float32), jnp.ones(image.shape[-1]))
    for transform in transforms:
        canvas = transformed(transform, canvas, key, statistics)
    return canvas.pixels


def _meaning(classifier: Classifier, kind: Input) -> str:
    host, device = classifier.host_and_device_transforms
    if classifier.feature_names is not None:
        unit = "in the units of the training table" if kind == "raw" else "after `device_transforms`"
        return f"rows of the features named in `feature_names`, {unit}"
    colors = {1: "grey", 3: "RGB"}.get(classifier.channels, f"{classifier.channels} channels")
    before = ", ".join(map(repr, host))
    if kind == "raw":
        return f"{colors} images from 0 to 255, height x width x channels, after {before}"
    return f"{colors} images, height x width x channels, after {before}, then {', '.join(map(repr, device))}"


def describe_program(classifier: Classifier, program: Program) -> dict[str, Any]:
    """Returns what a user of the program needs to know, to be saved as JSON."""
    statistics = classifier.statistics
    arrays = {
        name: np.asarray(value).tolist()
        for name in ("mean", "scale", "fill", "low", "high")
        if (value := getattr(statistics, name)) is not None
    }
    host, device = classifier.host_and_device_transforms
    names = classifier.feature_names
    return {
        "input": {
            "name": INPUT_NAME,
            "shape": [BATCH, *program.shape],
            "dtype": program.dtype.name,
            "meaning": program.meaning,
        },
        "output": {"name": OUTPUT_NAME, "shape": [BATCH, len(classifier.class_names)], "dtype": "float32"},
        "model": None if classifier.architecture is None else classifier.architecture.to_json(),
        "host_transforms": [each.to_json() for each in host],
        "device_transforms": [each.to_json() for each in device],
        "normalization": {"formula": "(value - mean) / scale", **arrays},
        "class_names": list(classifier.class_names),
        **({} if names is None else {"feature_names": list(names)}),
    }
