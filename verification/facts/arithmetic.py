"""Output sizes, parameters and MACs of the layers in papers' tables, computed independently of the zoo's code."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

Pad = int | str | tuple[tuple[int, int], tuple[int, int]]


class Conv(NamedTuple):
    """A convolution.

    Attributes:
      kernel: size in pixels, one number or (height, width).
      pad: padding of every side in pixels, ((top, bottom), (left, right)), or "same".
    """

    name: str
    features: int
    kernel: int | tuple[int, int]
    stride: int = 1
    pad: Pad = 0
    groups: int = 1
    bias: bool = True


class BatchNorm(NamedTuple):
    """Batch normalization with a bias, running mean and variance, and, if `scale`, a scale."""

    name: str
    scale: bool = True


class MaxPool(NamedTuple):
    """A max pool; with `ceil`, output sizes are rounded up, so that the last window may cross the edge."""

    name: str
    window: int
    stride: int
    pad: Pad = 0
    ceil: bool = False


class AvgPool(NamedTuple):
    """An average pool."""

    name: str
    window: int
    stride: int
    pad: Pad = 0


class GlobalAvgPool(NamedTuple):
    """An average pool over all pixels."""

    name: str


class Linear(NamedTuple):
    """A linear layer, on the flattened input or, if `each_pixel`, on the channels of each pixel."""

    name: str
    features: int
    bias: bool = True
    each_pixel: bool = False


class Keeps(NamedTuple):
    """A layer that keeps the shape, with `vectors` parameters per channel (2 for layer normalization)."""

    name: str
    type: str
    vectors: int = 0


class Flatten(NamedTuple):
    """Flattening of an image to a vector; not a row of the table."""


class Branches(NamedTuple):
    """Branches with the same input, whose outputs are concatenated ("concat") or added ("add")."""

    branches: Sequence[Sequence[Any]]
    how: str = "concat"


class Aside(NamedTuple):
    """A side branch without output, such as an auxiliary head; the next layer has the same input."""

    layers: Sequence[Any]


class Table(NamedTuple):
    """The layer table of a network in a paper.

    Attributes:
      unconfirmed: details that the paper leaves open and no independent source confirms.
    """

    source: str
    input_shape: tuple[int, int, int]
    num_classes: int
    layers: Sequence[Any]
    unconfirmed: str = ""


def work_out(table: Table) -> dict[str, Any]:
    """Returns the facts of a table; see `verification.facts.load_facts`."""
    rows = []
    _walk(table.layers, table.input_shape, rows)
    totals = {
        "params": sum(row[3] for row in rows),
        "batch_stats": sum(2 * row[2][-1] for row in rows if row[1] == "BatchNorm"),
        "macs": sum(row[4] for row in rows),
    }
    return {
        "input_shape": list(table.input_shape),
        "num_classes": table.num_classes,
        "sources": [{"name": f"derived from {table.source}", **totals}],
        **({"unconfirmed": table.unconfirmed} if table.unconfirmed else {}),
        "layers": rows,
    }


def _walk(layers, shape, rows):
    """Appends the rows of layers to `rows`; returns their output shape."""
    for layer in layers:
        params = macs = 0
        match layer:
            case Flatten():
                shape = (math.prod(shape),)
                continue
            case Branches(branches, how):
                outputs = [_walk(branch, shape, rows) for branch in branches]
                if len({output[:2] for output in outputs}) > 1:
                    raise ValueError(f"branches have different output sizes: {outputs}")
                channels = sum(output[2] for output in outputs) if how == "concat" else outputs[0][2]
                shape = (*outputs[0][:2], channels)
                continue
            case Aside(inner):
                _walk(inner, shape, rows)
                continue
            case Conv(name, features, kernel, stride, pad, groups, bias):
                kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
                height, width = _windows(shape, kernel, stride, pad)
                weights = kernel[0] * kernel[1] * (shape[2] // groups) * features
                params, macs = weights + features * bias, weights * height * width
                shape, kind = (height, width, features), "Conv"
            case BatchNorm(name, scale):
                params, kind = (1 + scale) * shape[-1], "BatchNorm"
            case MaxPool(name, window, stride, pad, ceil):
                shape, kind = (*_windows(shape, (window, window), stride, pad, ceil), shape[2]), "MaxPool"
            case AvgPool(name, window, stride, pad):
                shape, kind = (*_windows(shape, (window, window), stride, pad), shape[2]), "AvgPool"
            case GlobalAvgPool(name):
                shape, kind = (1, 1, shape[2]), "AdaptiveAvgPool"
            case Linear(name, features, bias, each_pixel):
                pixels = shape[:-1] if each_pixel else ()
                weights = math.prod(shape) // math.prod(pixels) * features
                params, macs = weights + features * bias, weights * math.prod(pixels)
                shape, kind = (*pixels, features), "Dense"
            case Keeps(name, kind, vectors):
                params = vectors * shape[-1]
        rows.append([name, kind, list(shape), params, macs])
    return shape


def _windows(shape, kernel, stride, pad, ceil=False):
    """Returns the number of windows, (vertical, horizontal)."""
    if pad == "same":
        return tuple(-(-pixels // stride) for pixels in shape[:2])
    sides = ((pad, pad), (pad, pad)) if isinstance(pad, int) else pad
    free = [pixels + sum(side) - size for pixels, side, size in zip(shape[:2], sides, kernel, strict=True)]
    return tuple((-(-room // stride) if ceil else room // stride) + 1 for room in free)
