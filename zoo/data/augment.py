"""The transforms of a recipe as functions of one image and its key, to be mapped over a batch on the device."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from zoo.data.framing import center, short_size
from zoo.errors import ZooError
from zoo.recipe.augmentation import (
    CenterCrop,
    HorizontalFlip,
    Normalize,
    PCAColor,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    ResizeShort,
    Transform,
)


class Statistics(NamedTuple):
    """What normalization and colour augmentation know of the training images, all in pixel values from 0 to 255.

    Attributes:
      mean: subtracted; float32 [C], or [H, W, C] for a mean image.
      scale: divided by; float32 [C].
      color_components: float32 [C, C], a principal component of the colours a column, times its eigenvalue.
      fill: what stands for missing features, which are NaN; float32 [C], or None where there may be none.
      low, high: bounds to which features are winsorized; float32 [C], or None for none.
    """

    mean: jax.Array
    scale: jax.Array
    color_components: jax.Array
    fill: jax.Array | None = None
    low: jax.Array | None = None
    high: jax.Array | None = None


class Canvas(NamedTuple):
    """An image on its way: float32 pixels [H, W, C], and the size [C] of one step from 0 to 255 in their unit."""

    pixels: jax.Array
    unit: jax.Array


def apply(transforms: tuple[Transform, ...], image: jax.Array, key: jax.Array, statistics: Statistics) -> jax.Array:
    """Applies a recipe's transforms to one image.

    Args:
      transforms: in order.
      image: uint8 [H, W, C], or float32 [1, 1, F] for features.
      key: of this example in this step; each transform draws from its own part of it.
      statistics: of the training images.

    Returns:
      float32 [H', W', C].

    Raises:
      ZooError: a crop is larger than the image.
    """
    canvas = Canvas(image.astype(jnp.float32), jnp.ones(image.shape[-1]))
    for index, transform in enumerate(transforms):
        canvas = _apply(transform, canvas, jax.random.fold_in(key, index), statistics)
    return canvas.pixels


def output_shape(transforms: tuple[Transform, ...], image_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape (height, width, channels) that the network sees, for images of the given shape."""
    channels = image_shape[-1]
    statistics = Statistics(jnp.zeros(channels), jnp.ones(channels), jnp.zeros((channels, channels)))
    image = jax.ShapeDtypeStruct(image_shape, jnp.uint8)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return jax.eval_shape(functools.partial(apply, transforms), image, key, statistics).shape


@functools.singledispatch
def _apply(transform: Transform, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    raise TypeError(type(transform).__name__)


@_apply.register
def _normalize(transform: Normalize, canvas, key, statistics):
    mean = statistics.mean
    if mean.ndim == 3 and mean.shape != canvas.pixels.shape:
        raise ZooError(
            f"the mean image is {mean.shape[:2]} and the image {canvas.pixels.shape[:2]} pixels at Normalize()"
        )
    pixels = canvas.pixels
    if statistics.low is not None:
        pixels = jnp.clip(pixels, statistics.low, statistics.high)  # leaves NaN as it is
    if statistics.fill is not None:
        pixels = jnp.where(jnp.isnan(pixels), statistics.fill, pixels)
    return Canvas((pixels - mean) / statistics.scale, canvas.unit / statistics.scale)


@_apply.register
def _resize(transform: Resize, canvas, key, statistics):
    return canvas._replace(pixels=_resized(canvas.pixels, transform.size, transform.size))


@_apply.register
def _resize_short(transform: ResizeShort, canvas, key, statistics):
    return canvas._replace(pixels=_resized(canvas.pixels, *short_size(*canvas.pixels.shape[:2], transform.size)))


def _resized(pixels, height, width):
    if pixels.shape[:2] == (height, width):
        return pixels
    return jax.image.resize(pixels, (height, width, pixels.shape[-1]), "bilinear")


@_apply.register
def _center_crop(transform: CenterCrop, canvas, key, statistics):
    top, left = center(*canvas.pixels.shape[:2], transform.size)
    return canvas._replace(pixels=canvas.pixels[top : top + transform.size, left : left + transform.size])


@_apply.register
def _random_crop(transform: RandomCrop, canvas, key, statistics):
    pixels = jnp.pad(canvas.pixels, ((transform.padding,) * 2, (transform.padding,) * 2, (0, 0)))
    height, width, channels = pixels.shape
    if min(height, width) < transform.size:
        raise ZooError(f"RandomCrop({transform.size}) of an image of {height}x{width} pixels, padding included")
    places = jnp.array([height - transform.size + 1, width - transform.size + 1])
    top, left = jax.random.randint(key, (2,), 0, places)
    size = (transform.size, transform.size, channels)
    return canvas._replace(pixels=jax.lax.dynamic_slice(pixels, (top, left, 0), size))


@_apply.register
def _random_resized_crop(transform: RandomResizedCrop, canvas, key, statistics):
    height, width, channels = canvas.pixels.shape
    draws = jax.random.uniform(key, (4,))
    area = (transform.min_area + draws[0] * (transform.max_area - transform.min_area)) * height * width
    ratio = jnp.exp((2 * draws[1] - 1) * math.log(transform.max_ratio))
    part = jnp.minimum(jnp.array([jnp.sqrt(area / ratio), jnp.sqrt(area * ratio)]), jnp.array([height, width]))
    start = draws[2:] * (jnp.array([height, width]) - part)
    scale = transform.size / part
    shape = (transform.size, transform.size, channels)
    return canvas._replace(
        pixels=jax.image.scale_and_translate(canvas.pixels, shape, (0, 1), scale, -start * scale, "linear")
    )


@_apply.register
def _horizontal_flip(transform: HorizontalFlip, canvas, key, statistics):
    flip = jax.random.bernoulli(key, transform.probability)
    return canvas._replace(pixels=jnp.where(flip, canvas.pixels[:, ::-1], canvas.pixels))


@_apply.register
def _pca_color(transform: PCAColor, canvas, key, statistics):
    amounts = transform.stddev * jax.random.normal(key, canvas.unit.shape)
    return canvas._replace(pixels=canvas.pixels + statistics.color_components @ amounts * canvas.unit)
