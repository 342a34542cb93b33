"""An image on its way through the transforms."""

import functools
from typing import NamedTuple

import jax

from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import Transform


class Canvas(NamedTuple):
    """An image on its way: float32 pixels [H, W, C], and the size [C] of one step from 0 to 255 in their unit."""

    pixels: jax.Array
    unit: jax.Array


@functools.singledispatch
def transformed(transform: Transform, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    """What one transform makes of an image; the other modules of this package say it for each kind."""
    raise TypeError(type(transform).__name__)
