"""Facts from the layer tables of torchvision's networks in third_party/references/."""

import json
from typing import Any

from zoo.paths import THIRD_PARTY

REFERENCES = THIRD_PARTY / "references"

DIFFERENT_NETWORKS = {"alexnet", "googlenet"}  # names of the zoo that mean other networks in torchvision

TYPES = {
    "AdaptiveAvgPool2d": "AdaptiveAvgPool",
    "AvgPool2d": "AvgPool",
    "BatchNorm2d": "BatchNorm",
    "Conv2d": "Conv",
    "Dropout": "Dropout",
    "LayerNorm": "LayerNorm",
    "LayerNorm2d": "LayerNorm",
    "Linear": "Dense",
    "MaxPool2d": "MaxPool",
}


def torchvision_facts(model_name: str) -> dict[str, Any] | None:
    """Returns the facts of torchvision's network, with torchvision's layer names; None if there are none."""
    measured = _measured(model_name)
    return measured and {
        "input_shape": measured["input_nhwc"][1:],
        "num_classes": 1000,
        "sources": [_source(measured, "macs_eval")],
        "layout": "torchvision",
        "layers": _rows(measured["layers"]),
    }


def torchvision_heads(model_name: str) -> dict[str, Any] | None:
    """Returns the sources and added layers of torchvision's network with auxiliary heads; None if there are none."""
    measured = _measured(f"{model_name}_aux")
    return measured and {
        "sources": [_source(measured, "macs_train")],
        "layers": _rows(measured["layers_train_aux_only"]),
    }


def _measured(name):
    path = REFERENCES / "torchvision" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _source(measured, macs):
    return {
        "name": f"{measured['builder']} {measured['versions']['torchvision']}",
        "params": measured["params_trainable"],
        "batch_stats": measured["buffers_excl_num_batches_tracked"],
        "macs": measured[macs],
    }


def _rows(layers):
    return [
        [layer["name"], TYPES[layer["type"]], layer["out"][1:], layer["params"], layer["macs"]]
        for layer in layers
        if layer["type"] in TYPES
    ]
