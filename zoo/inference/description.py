"""The description of a classifier as JSON, which exported files carry: network, preprocessing and class names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from zoo.data.normalization import Statistics
from zoo.errors import ZooError
from zoo.inference.classifier import Classifier
from zoo.json_files import parse
from zoo.recipe import Model
from zoo.recipe.augmentation import Augmentation, Transform
from zoo.recipe.loss import Loss
from zoo.recipe.part import conform

VERSION = 1
ARRAYS = ("mean", "scale", "fill", "low", "high")  # of `Statistics`; colour components are for training only
MAX_SIDE, MAX_CLASSES = 16_384, 1_000_000  # bounds of what a file may claim


class Description(NamedTuple):
    """What a file says about the network whose weights it has; see `Classifier` for the fields."""

    architecture: Model
    layout: str
    input_shape: tuple[int, int, int]
    transforms: tuple[Transform, ...]
    statistics: Statistics
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None
    loss: Loss


def describe(classifier: Classifier, layout: str) -> dict[str, Any]:
    """Returns the description of a classifier, to be saved as JSON.

    Args:
      classifier: the classifier.
      layout: of the weights that are saved with it.

    Raises:
      ZooError: the network is a custom one.
    """
    if classifier.architecture is None:
        raise ZooError("a custom network cannot be described by name: export it as stablehlo or onnx")
    found = {name: getattr(classifier.statistics, name) for name in ARRAYS}
    return {
        "version": VERSION,
        "model": classifier.architecture.to_json(),
        "layout": layout,
        "input_shape": list(classifier.input_shape),
        "transforms": [transform.to_json() for transform in classifier.transforms],
        "statistics": {name: np.asarray(value).tolist() for name, value in found.items() if value is not None},
        "class_names": list(classifier.class_names),
        "feature_names": None if classifier.feature_names is None else list(classifier.feature_names),
        "loss": classifier.loss.to_json(),
    }


def parse_description(text: bytes | str, where: str, key: str | None = None) -> Description:
    """Parses a description from a file that is not trusted.

    Args:
      text: JSON.
      where: the file, for the message.
      key: the key of the description in a JSON object; None if it is the whole text.

    Raises:
      ZooError: it is not a description, or of another version.
    """
    try:
        content = parse(text.encode() if isinstance(text, str) else text)
        return _checked(content if key is None else content[key])
    except (ValueError, TypeError, KeyError, ZooError) as error:
        why = str(error) if isinstance(error, ZooError) else "a part of it is missing or has the wrong type"
        raise ZooError(
            f"{where}: the description of the network is damaged, or of another version: {why}: pass --model and"
            " --layout to ignore it"
        ) from None


def _checked(content):
    if conform(content["version"], int) != VERSION:
        raise ZooError(f"its version is {content['version']}, expected {VERSION}")
    shape = conform(content["input_shape"], tuple[int, int, int])
    classes = conform(content["class_names"], tuple[str, ...])
    features = conform(content["feature_names"], tuple[str, ...] | None)
    transforms = tuple(map(Transform.from_json, conform(content["transforms"], tuple[Mapping[str, Any], ...])))
    if not all(1 <= size <= MAX_SIDE for size in shape[:2]) or not 1 <= len(classes) <= MAX_CLASSES:
        raise ZooError("the input or the number of classes is out of range")
    arrays = conform(content["statistics"], Mapping[str, Any])
    values = {name: np.asarray(arrays[name], np.float32) for name in ARRAYS if name in arrays}
    channels = len(features) if features is not None else shape[-1]
    if not {"mean", "scale"} <= values.keys() or any(
        not np.isfinite(array).all() or array.shape[-1:] != (channels,) or array.ndim not in (1, 3)
        for array in values.values()
    ):
        raise ZooError("its statistics are not numbers for each channel")
    if not values["scale"].all():
        raise ZooError("its statistics divide by zero")
    Augmentation(transforms, transforms)  # raises ZooError for transforms that are random or lack Normalize()
    return Description(
        Model.from_json(content["model"]),
        conform(content["layout"], str),
        shape,
        transforms,
        Statistics(**values, color_components=np.zeros((channels, channels), np.float32)),
        classes,
        features,
        Loss.from_json(content["loss"]),
    )
