"""What was measured on other implementations, in third_party/references/, as facts."""

import json
from typing import Any

from zoo.paths import THIRD_PARTY

REFERENCES = THIRD_PARTY / "references"

# Networks of the zoo that torchvision has by another name, or in another form.
TORCHVISION_NAMES = {"alexnet_owt": "alexnet", "googlenet_bn": "googlenet_noaux", "inception_v3": "inception_v3_noaux"}
NOT_THE_ZOOS = {"alexnet", "googlenet"}  # torchvision has other networks by these names

# Another author's definitions from the papers, by the zoo's names: totals that a second source gives.
COUNTED = {
    "alexnet": "alexnet_2012_grouped",
    "zfnet": "zfnet_2013",
    "lenet5": "lenet5_32",
    "nin_cifar": "nin_cifar10",
    "all_cnn_c": "all_cnn_c",
    **{f"resnet{depth}": f"resnet{depth}_cifar_A" for depth in (20, 32, 44, 56, 110)},
    "wrn_16_4": "wrn_16_4",
    "wrn_28_10": "wrn_28_10",
    "densenet_bc_100_12": "densenet_bc_100_12",
}

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
    if model_name in NOT_THE_ZOOS:
        return None
    path = REFERENCES / "torchvision" / f"{TORCHVISION_NAMES.get(model_name, model_name)}.json"
    if not path.exists():
        return None
    measured = json.loads(path.read_text())
    rows = [
        [layer["name"], TYPES[layer["type"]], layer["out"][1:], layer["params"], layer["macs"]]
        for layer in measured["layers"]
        if layer["type"] in TYPES
    ]
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
        "layers": rows,
    }


def counted(model_name: str) -> list[dict[str, Any]]:
    """What another author's definition from the paper comes to, as a source of totals; none if there is none."""
    if model_name not in COUNTED:
        return []
    model = json.loads((REFERENCES / "paper_counts.json").read_text())["models"][COUNTED[model_name]]
    return [
        {
            "name": "another author's definition from the paper, counted in PyTorch (third_party/references)",
            "params": model["params_trainable"],
            "batch_stats": model["buffers_excl_num_batches_tracked"],
            "macs": model["macs"],
        }
    ]
