"""Export of the weights as `.safetensors`, in the layout of another framework or of the zoo."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.numpy import save

from zoo.errors import ZooError
from zoo.inference.classifier import Classifier
from zoo.inference.description import describe
from zoo.inference.loading import KEY
from zoo.models.layout import KERAS, ZOO
from zoo.weights import export_weights
from zoo.weights.detection import layouts_of


def write(classifier: Classifier, layout: str, path: Path) -> list[Path]:
    """Writes the weights, with the description of the classifier in the file's metadata; returns the paths written.

    Raises:
      ZooError: the network is a custom one, or has no such layout.
    """
    if classifier.architecture is None:
        raise ZooError("the weights of a custom network have no layout: export it as stablehlo or onnx")
    tensors = export_weights(classifier.network, classifier.variables, layout)
    framework = layouts_of(classifier.architecture.name)[layout].framework
    # Libraries of PyTorch, such as transformers, refuse files that are not marked "pt".
    metadata: Mapping[str, str] = {
        "format": "np" if framework in (KERAS, ZOO) else "pt",
        KEY: json.dumps(describe(classifier, layout)),
    }
    path.write_bytes(save(tensors, dict(metadata)))
    return [path]
