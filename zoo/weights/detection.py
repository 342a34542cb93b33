"""Finds which network's layout a weight file is in, and for how many classes, from names and shapes alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util

from zoo.errors import ZooError, unknown
from zoo.files import expand
from zoo.models.layout import OWN, Layout
from zoo.models.registry import create_model, find_entry
from zoo.weights.files import open_tensors
from zoo.weights.names import find_weights, without_prefix
from zoo.weights.tensors import in_memory

UNUSUAL_CLASSES = 9_973  # a prime that is no other size in a network, to find the axes that are the number of classes


class Found(NamedTuple):
    """What the names and shapes in a weight file show.

    Attributes:
      layout: the layout whose names the tensors have, see `zoo.import_weights`.
      num_classes: number of logits; None if the last layer is missing.
    """

    layout: str
    num_classes: int | None


def layouts_of(name: str) -> Mapping[str, Layout]:
    """Returns all layouts of a network by name: those of other frameworks, and "zoo"."""
    return {**find_entry(name).layouts, "zoo": OWN}


def find_layout(
    name: str, path: str | Path, layout: str | None = None, *, input_shape: tuple[int, int, int] | None = None
) -> Found:
    """Finds the layout of a weight file of one of the zoo's networks, and its number of classes.

    No values are read. The layout with the most names in the file is chosen; whether all names and shapes fit is for
    `zoo.import_weights` to report.

    Args:
      name: of the network.
      path: of the file, see `zoo.import_weights`.
      layout: the layout if it is known; only the number of classes is then found.
      input_shape: (height, width, channels); the canonical input if None.

    Raises:
      ZooError: the network or the layout is unknown, the file cannot be read, or no layout has any of its names.
    """
    known = layouts_of(name)
    if layout is not None and layout not in known:
        raise unknown(f"layout of {name}", layout, known)
    names = [layout] if layout is not None else list(known)
    shapes_by_options: dict[str, dict[tuple[str, ...], tuple[int, ...]]] = {}
    counts: dict[str, tuple[int, int, int | None]] = {}
    for each in names:
        options = json.dumps(dict(known[each].options), sort_keys=True)
        if options not in shapes_by_options:  # tracing takes seconds
            shapes_by_options[options] = _shapes(name, known[each], input_shape)
        wanted = {place.name: place.shape for place in known[each].tensors(shapes_by_options[options]).values()}
        with open_tensors(expand(path), wanted) as loaded:
            found, _ = find_weights(loaded, wanted)
            found, _ = without_prefix(found, wanted)
            shapes = {key: tensor.shape for key, tensor in in_memory(dict(found)).items()}
        counts[each] = (sum(key in shapes for key in wanted), len(wanted), _classes(shapes, wanted))
    best = max(counts, key=lambda each: counts[each][0])  # the first of equally good ones
    if not counts[best][0]:
        tried = ", ".join(names)
        raise ZooError(f"{path}: not weights of {name}: none of their names is known in the layout {tried}")
    return Found(best, counts[best][2])


def _shapes(
    name: str, layout: Layout, input_shape: tuple[int, int, int] | None
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Returns the shapes of the variables of a network with `UNUSUAL_CLASSES` classes by path."""
    model = create_model(name, UNUSUAL_CLASSES, **layout.options)
    image = jnp.zeros((1, *(input_shape or find_entry(name).input_shape)))
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), image, train=False))
    return {path: leaf.shape for path, leaf in traverse_util.flatten_dict(abstract).items()}


def _classes(shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> int | None:
    """Returns the size in a file of the first axis whose size is the number of classes."""
    for key, shape in wanted.items():
        if UNUSUAL_CLASSES in shape and len(shapes.get(key, ())) == len(shape):
            return int(shapes[key][shape.index(UNUSUAL_CLASSES)])
    return None
