"""The state of an image between transforms, and the function that applies one transform."""

import functools
from typing import NamedTuple

import jax

from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import Transform


class Canvas(NamedTuple):
    """An image between two transforms.

    Attributes:
      pixels: float32 [H, W, C].
      unit: float32 [C], the difference in `pixels` that one step of the 0-255 scale makes: 1 before normalization.
    """

    pixels: jax.Array
    unit: jax.Array


@functools.singledispatch
def transformed(transform: Transform, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    """Applies one transform to an image; to add a transform, register an implementation for its class.

    Args:
      transform: the transform of the recipe.
      canvas: the image before the transform.
      key: PRNG key of this transform, example and step.
      statistics: normalization statistics of the training images.
    """
    raise TypeError(type(transform).__name__)
