"""Writes the facts of networks from their papers' tables and from other implementations; never from the zoo's code.

    python -m verification.facts.derive

The arithmetic is all here: an unpadded or padded window's output size, a layer's parameters, its multiply-adds.
"""

import json
import math
from typing import Any, NamedTuple

from verification.facts import FOLDER
from zoo.paths import THIRD_PARTY

REFERENCES = THIRD_PARTY / "references"


class Conv(NamedTuple):
    """A convolution with bias; sizes in pixels."""

    name: str
    features: int
    kernel: int
    stride: int = 1
    pad: int = 0
    groups: int = 1


class MaxPool(NamedTuple):
    """A maximum pool without padding."""

    name: str
    window: int
    stride: int


class Linear(NamedTuple):
    """A linear layer with bias, on the flattened input."""

    name: str
    features: int


class Keeps(NamedTuple):
    """A layer without parameters that keeps the shape."""

    name: str
    type: str


class Table(NamedTuple):
    """A paper's table."""

    source: str
    input_shape: tuple[int, int, int]
    num_classes: int
    layers: list[Any]


PAPERS = {
    "alexnet": Table(
        source="Krizhevsky, Sutskever, Hinton 2012, sections 3.3 to 3.5 and 4.2, figure 2; 227 pixels, see zoo/models/alexnet.py",
        input_shape=(227, 227, 3),
        num_classes=1000,
        layers=[
            Conv("conv1", 96, kernel=11, stride=4),
            Keeps("norm1", "LocalResponseNorm"),
            MaxPool("pool1", 3, 2),
            Conv("conv2", 256, kernel=5, pad=2, groups=2),
            Keeps("norm2", "LocalResponseNorm"),
            MaxPool("pool2", 3, 2),
            Conv("conv3", 384, kernel=3, pad=1),
            Conv("conv4", 384, kernel=3, pad=1, groups=2),
            Conv("conv5", 256, kernel=3, pad=1, groups=2),
            MaxPool("pool5", 3, 2),
            Linear("fc6", 4096),
            Keeps("drop6", "Dropout"),
            Linear("fc7", 4096),
            Keeps("drop7", "Dropout"),
            Linear("fc8", 1000),
        ],
    )
}

# Networks that are another implementation's: its file in third_party/references/, and its names of the zoo's layers.
IMPLEMENTATIONS = {
    "alexnet_owt": (
        "torchvision/alexnet.json",
        {
            "features.0": "conv1",
            "features.2": "pool1",
            "features.3": "conv2",
            "features.5": "pool2",
            "features.6": "conv3",
            "features.8": "conv4",
            "features.10": "conv5",
            "features.12": "pool5",
            "avgpool": "avgpool",
            "classifier.0": "drop6",
            "classifier.1": "fc6",
            "classifier.3": "drop7",
            "classifier.4": "fc7",
            "classifier.6": "fc8",
        },
    )
}
TYPES = {
    "Conv2d": "Conv",
    "Linear": "Dense",
    "MaxPool2d": "MaxPool",
    "AdaptiveAvgPool2d": "AdaptiveAvgPool",
    "Dropout": "Dropout",
}

# Totals that a second source gives: model -> (name in paper_counts.json).
COUNTED = {"alexnet": "alexnet_2012_grouped"}


def from_paper(table: Table) -> dict[str, Any]:
    """Works a table out, layer by layer."""
    shape, rows = table.input_shape, []
    for layer in table.layers:
        params = macs = 0
        match layer:
            case Conv(name, features, kernel, stride, pad, groups):
                height, width = ((pixels + 2 * pad - kernel) // stride + 1 for pixels in shape[:2])
                weights = kernel * kernel * (shape[2] // groups) * features
                params, macs = weights + features, weights * height * width
                shape, kind = (height, width, features), "Conv"
            case MaxPool(name, window, stride):
                height, width = ((pixels - window) // stride + 1 for pixels in shape[:2])
                shape, kind = (height, width, shape[2]), "MaxPool"
            case Linear(name, features):
                weights = math.prod(shape) * features
                params, macs = weights + features, weights
                shape, kind = (features,), "Dense"
            case Keeps(name, kind):
                pass
        rows.append([name, kind, list(shape), params, macs])
    source = {"name": f"derived from {table.source}", **_totals(rows)}
    return {
        "input_shape": list(table.input_shape),
        "num_classes": table.num_classes,
        "sources": [source],
        "layers": rows,
    }


def from_implementation(file: str, names: dict[str, str]) -> dict[str, Any]:
    """Takes over what was measured on another implementation, under the zoo's names."""
    measured = json.loads((REFERENCES / file).read_text())
    rows = [
        [names[layer["name"]], TYPES[layer["type"]], layer["out"][1:], layer["params"], layer["macs"]]
        for layer in measured["layers"]
        if layer["type"] != "ReLU"
    ]
    versions = measured["versions"]
    source = {
        "name": f"{measured['builder']} {versions['torchvision']}",
        "params": measured["params_trainable"],
        "batch_stats": measured["buffers_excl_num_batches_tracked"],
        "macs": measured["macs_eval"],
    }
    return {
        "input_shape": measured["input_nhwc"][1:],
        "num_classes": 1000,
        "sources": [source],
        "names": names,
        "layers": rows,
    }


def _totals(rows):
    return {"params": sum(row[3] for row in rows), "batch_stats": 0, "macs": sum(row[4] for row in rows)}


def derive() -> dict[str, dict[str, Any]]:
    """The facts of every network."""
    facts = {name: from_paper(table) for name, table in PAPERS.items()}
    facts |= {name: from_implementation(*implementation) for name, implementation in IMPLEMENTATIONS.items()}
    counted = json.loads((REFERENCES / "paper_counts.json").read_text())
    for name, known_as in COUNTED.items():
        model = counted["models"][known_as]
        facts[name]["sources"].append(
            {
                "name": "another author's definition from the paper, counted in PyTorch (third_party/references)",
                "params": model["params_trainable"],
                "batch_stats": model["buffers_excl_num_batches_tracked"],
                "macs": model["macs"],
            }
        )
    return facts


def to_text(facts: dict[str, Any]) -> str:
    """JSON with a line for each layer."""
    head = {name: value for name, value in facts.items() if name != "layers"}
    layers = ",\n".join(f"  {json.dumps(row)}" for row in facts["layers"])
    return f'{json.dumps(head, indent=1)[:-2]},\n "layers": [\n{layers}\n ]\n}}\n'


if __name__ == "__main__":
    for name, facts in derive().items():
        (FOLDER / f"{name}.json").write_text(to_text(facts))
