"""The same weights for a user's network and the reference network."""

import math
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from zoo.inspect.layer_pairs import comparable, match_leaves
from zoo.inspect.layers import Network

Path = tuple[str, ...]
COLLECTIONS = {"params": "params", "batch_stats": "stats"}  # of Flax, and the attribute of `Layer`


class Pair(NamedTuple):
    """A variable of the user's network and its counterpart in the reference network.

    Attributes:
      theirs, ours: paths, beginning with the collection, such as ("params", "conv1", "kernel").
      shape: of the user's; the reference's, `ours_shape`, is another one for a dense layer in place of a convolution
        over the whole of its input.
    """

    theirs: Path
    ours: Path
    shape: tuple[int, ...]
    ours_shape: tuple[int, ...]


def pair_variables(theirs: Network, ours: Network) -> list[Pair] | None:
    """Pairs all variables of two networks whose layers agree, in the order of the layers.

    Returns:
      The pairs; None if there are variables that cannot be told apart, or that are no layer's.
    """
    pairs: dict[Path, Pair] = {}
    for yours, reference in zip(theirs.weighted, ours.weighted, strict=True):
        for collection, attribute in COLLECTIONS.items():
            shapes, right = getattr(yours, attribute), getattr(reference, attribute)
            names = match_leaves(*(getattr(layer, attribute) for layer in comparable(yours, reference)))
            if names is None:
                return None
            for name, other in names.items():
                paths = (collection, *yours.path, name), (collection, *reference.path, other)
                pair = Pair(*paths, shapes[name], right[other])
                if pairs.setdefault(pair.theirs, pair) != pair:  # a layer that is called twice in one network only
                    return None
    known = {path for collection in theirs.variables for path in _paths(theirs, collection)}
    return list(pairs.values()) if known == pairs.keys() else None


def _paths(network: Network, collection: str) -> Iterator[Path]:
    for path in traverse_util.flatten_dict(network.variables[collection]):
        yield (collection, *path)


def draw(pairs: list[Pair]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns variables of both networks with the same random values, which depend on the reference's paths.

    Kernels are normal with variance 2 / fan-in, biases and means normal with deviation 0.1; scales and variances are
    uniform in [0.5, 1.5] and other vectors in [0.1, 0.5], so that no value is special.
    """
    theirs, ours = {}, {}
    for pair in pairs:
        random = np.random.default_rng(zlib.crc32("/".join(pair.ours).encode()))
        ours[pair.ours] = _values(random, pair.ours[-1], pair.ours_shape)
        theirs[pair.theirs] = ours[pair.ours].reshape(pair.shape)
    return traverse_util.unflatten_dict(theirs), traverse_util.unflatten_dict(ours)


def _values(random, name, shape):
    if name in ("bias", "mean"):
        values = 0.1 * random.standard_normal(shape, np.float32)
    elif name in ("scale", "var"):
        values = random.uniform(0.5, 1.5, shape)
    elif len(shape) < 2:
        values = random.uniform(0.1, 0.5, shape)
    else:
        values = random.standard_normal(shape, np.float32) * math.sqrt(2 / math.prod(shape[:-1]))
    return values.astype(np.float32)
