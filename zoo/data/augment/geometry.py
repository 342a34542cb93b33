"""Flips and affine transforms.

An affine map is a 3 x 3 matrix that takes output coordinates to input coordinates, (row, column, 1) in pixels from the
centre of the image.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import (
    Affine,
    HorizontalFlip,
    RandomRotation,
    RandomShear,
    RandomShift,
    RandomZoom,
    VerticalFlip,
)

Entry = float | jax.Array  # entry of a matrix


@transformed.register
def _horizontal_flip(transform: HorizontalFlip, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    flip = jax.random.bernoulli(key, transform.probability)
    return canvas._replace(pixels=jnp.where(flip, canvas.pixels[:, ::-1], canvas.pixels))


@transformed.register
def _vertical_flip(transform: VerticalFlip, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    flip = jax.random.bernoulli(key, transform.probability)
    return canvas._replace(pixels=jnp.where(flip, canvas.pixels[::-1], canvas.pixels))


def resample(maps: Sequence[tuple[Affine, jax.Array]], canvas: Canvas) -> Canvas:
    """Applies several affine transforms with the same fill, each with its key, in a single bilinear interpolation."""
    height, width = canvas.pixels.shape[:2]
    # The matrices map output to input coordinates, so that of the first transform is applied last, at the left.
    matrices = [matrix_of(transform, key, height, width) for transform, key in maps]
    matrix = functools.reduce(functools.partial(jnp.matmul, precision="highest"), matrices)
    return canvas._replace(pixels=warp(canvas.pixels, matrix, maps[0][0].fill, order=1))


def warp(pixels: jax.Array, matrix: jax.Array, fill: str, order: int) -> jax.Array:
    """Resamples pixels [H, W, C] at the input coordinates given by an affine map.

    Args:
      pixels: float32 [H, W, C].
      matrix: float32 [3, 3], from output to input coordinates.
      fill: how pixels outside the image are filled, one of a recipe's fills, which are the modes of SciPy.
      order: 0 for the nearest pixel, 1 for bilinear interpolation.
    """
    height, width = pixels.shape[:2]
    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    rows, columns = jnp.meshgrid(jnp.arange(height) - middle_row, jnp.arange(width) - middle_column, indexing="ij")
    places = [
        matrix[0, 0] * rows + matrix[0, 1] * columns + matrix[0, 2] + middle_row,
        matrix[1, 0] * rows + matrix[1, 1] * columns + matrix[1, 2] + middle_column,
    ]
    channel = functools.partial(ndimage.map_coordinates, coordinates=places, order=order, mode=fill)
    return jax.vmap(channel, -1, -1)(pixels)


def matrix(a: Entry = 1.0, b: Entry = 0.0, c: Entry = 0.0, d: Entry = 0.0, e: Entry = 1.0, f: Entry = 0.0) -> jax.Array:
    """Returns the affine map ((a, b, c), (d, e, f)) as a float32 matrix [3, 3]."""
    return jnp.array([[a, b, c], [d, e, f], [0.0, 0.0, 1.0]], jnp.float32)


@functools.singledispatch
def matrix_of(transform: Affine, key: jax.Array, height: int, width: int) -> jax.Array:
    """Samples the matrix [3, 3] of a random affine transform for an image of height x width pixels."""
    raise TypeError(type(transform).__name__)


@matrix_of.register
def _rotation(transform: RandomRotation, key: jax.Array, height: int, width: int) -> jax.Array:
    angle = jnp.deg2rad(jax.random.uniform(key, (), minval=-transform.degrees, maxval=transform.degrees))
    return matrix(jnp.cos(angle), -jnp.sin(angle), 0.0, jnp.sin(angle), jnp.cos(angle))


@matrix_of.register
def _shift(transform: RandomShift, key: jax.Array, height: int, width: int) -> jax.Array:
    down, right = jax.random.uniform(key, (2,), minval=-1, maxval=1)
    return matrix(c=down * transform.height * height, f=right * transform.width * width)


@matrix_of.register
def _shear(transform: RandomShear, key: jax.Array, height: int, width: int) -> jax.Array:
    angle = jnp.deg2rad(jax.random.uniform(key, (), minval=-transform.degrees, maxval=transform.degrees))
    return matrix(b=-jnp.sin(angle), e=jnp.cos(angle))


@matrix_of.register
def _zoom(transform: RandomZoom, key: jax.Array, height: int, width: int) -> jax.Array:
    draws = jax.random.uniform(key, (2,), minval=1 - transform.amount, maxval=1 + transform.amount)
    vertical, horizontal = draws[0], draws[0] if transform.keep_ratio else draws[1]
    return matrix(a=vertical, e=horizontal)
