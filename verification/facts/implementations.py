"""The layer tables that were measured on torchvision's networks, in third_party/references/, as facts."""

import json
from typing import Any

from zoo.paths import THIRD_PARTY

REFERENCES = THIRD_PARTY / "references"

NAMES = {"alexnet_owt": "alexnet", "googlenet_bn": "googlenet"}  # torchvision's, where they are not the zoo's
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
    path = REFERENCES / "torchvision" / f"{model_name}.json"
    if not path.exists():
        return None
    measured = json.loads(path.read_text())
    source = {
        "name": f"{measured['builder']} {measured['versions']['torchvision']}",
        "params": measured["params_trainable"],
        "batch_stats": measured["buffers_excl_num_batches_tracked"],
        "macs": measured["macs_eval"],
    }
    return {
        "input_shape": measured["input_nhwc"][1:],
        "num_classes": 1000,
        "sources": [source],
        "layout": "torchvision",
        "layers": _rows(measured["layers"]),
    }


def torchvision_heads(model_name: str) -> dict[str, Any] | None:
    """What auxiliary heads add to torchvision's network; None if it has none, or nothing is at hand."""
    path = REFERENCES / "torchvision" / f"{model_name}_aux.json"
    if not path.exists():
        return None
    measured = json.loads(path.read_text())
    source = {
        "name": f"{measured['builder']} {measured['versions']['torchvision']}",
        "params": measured["params_trainable"],
        "batch_stats": measured["buffers_excl_num_batches_tracked"],
        "macs": measured["macs_train"],
    }
    return {"sources": [source], "layers": _rows(measured["layers_train_aux_only"])}


def _rows(layers):
    return [
        [layer["name"], TYPES[layer["type"]], layer["out"][1:], layer["params"], layer["macs"]]
        for layer in layers
        if layer["type"] in TYPES
    ]
