"""The layer tables that were measured on torchvision's networks, in third_party/references/, as facts."""

import json
from typing import Any

from zoo.paths import THIRD_PARTY

REFERENCES = THIRD_PARTY / "references"

NOT_THE_ZOOS = {"alexnet", "googlenet"}  # torchvision has other networks by these names of the zoo's

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
    """The layer table of torchvision's network, with torchvision's names; None if there is none at hand."""
    measured = _measured(model_name)
    return measured and {
        "input_shape": measured["input_nhwc"][1:],
        "num_classes": 1000,
        "sources": [_source(measured, "macs_eval")],
        "layout": "torchvision",
        "layers": _rows(measured["layers"]),
    }


def torchvision_heads(model_name: str) -> dict[str, Any] | None:
    """What auxiliary heads add to torchvision's network; None if it has none, or nothing is at hand."""
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
