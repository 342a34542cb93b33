"""Export of a folder as on the Hugging Face Hub: weights, configuration, preprocessing and model card."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.inference.classifier import Classifier
from zoo.inference.description import describe
from zoo.inference.export import tensors
from zoo.inference.export.card import model_card
from zoo.inference.export.check import Check
from zoo.inference.loading import CONFIG, KEY, WEIGHTS
from zoo.recipe.augmentation import CenterCrop, Normalize, PresetCrop, Resize, ResizeShort

CARD, PREPROCESSOR = "README.md", "preprocessor_config.json"
FILES = (WEIGHTS, CONFIG, PREPROCESSOR, CARD)
RESAMPLE = {"bilinear": 2, "bicubic": 3}  # PIL's numbers of filters, which `resample` is


def write(classifier: Classifier, layout: str, folder: Path) -> list[Path]:
    """Writes weights and configuration into a new folder; returns the path of the weights.

    Raises:
      ZooError: as for `zoo.inference.export.tensors.write`.
    """
    if classifier.architecture is None:
        raise ZooError("the weights of a custom network have no layout: export it as stablehlo or onnx")
    folder.mkdir()
    tensors.write(classifier, layout, folder / WEIGHTS)
    config = {
        "architectures": [classifier.architecture.name],
        "num_labels": len(classifier.class_names),
        "id2label": dict(enumerate(classifier.class_names)),
        KEY: describe(classifier, layout),
    }
    _write_json(folder / CONFIG, config)
    if (settings := preprocessor_config(classifier)) is not None:
        _write_json(folder / PREPROCESSOR, settings)
    return [folder / WEIGHTS]


def write_card(classifier: Classifier, layout: str, folder: Path, check: Check, title: str) -> None:
    """Writes the model card, which states the result of the check."""
    (folder / CARD).write_text(model_card(classifier, layout, check, title), encoding="utf-8")


def preprocessor_config(classifier: Classifier) -> dict[str, Any] | None:
    """Returns the settings of an image processor of transformers that prepares images as the classifier does.

    They are those of `BitImageProcessor`, whose central crop may be a pixel further up or left, and whose torchvision
    backend rounds some resized pixels to the next of 256 levels, unlike its PIL backend. None if it cannot do the same:
    for features, for images that are not RGB, and for other transforms or a mean image.
    """
    statistics = classifier.statistics
    if classifier.feature_names is not None or classifier.channels != 3 or np.ndim(statistics.mean) != 1:
        return None
    resize: dict[str, Any]
    match classifier.transforms:
        case (Resize(size), Normalize()):
            resize = {"size": {"height": size, "width": size}, "do_center_crop": False, "resample": 2}
        case (ResizeShort(short), CenterCrop(size), Normalize()):
            resize = _short(short, size, "bilinear")
        case (PresetCrop(short, size, interpolation), Normalize()):
            resize = _short(short, size, interpolation)
        case _:
            return None
    return {
        "image_processor_type": "BitImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        **resize,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": (np.asarray(statistics.mean, np.float64) / 255).tolist(),
        "image_std": (np.asarray(statistics.scale, np.float64) / 255).tolist(),
    }


def _short(short, size, interpolation):
    crop = {"height": size, "width": size}
    resample = RESAMPLE[interpolation]
    return {"size": {"shortest_edge": short}, "do_center_crop": True, "crop_size": crop, "resample": resample}


def _write_json(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
