"""Resizing and cropping on the device."""

import math

import jax
import jax.numpy as jnp

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.normalization import Statistics
from zoo.data.resize_crop import center, preset_center, preset_size, short_size
from zoo.errors import ZooError
from zoo.recipe.augmentation import (
    CenterCrop,
    PresetCrop,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    ResizeShort,
    TenCrop,
)

# NumPy's padding modes by a recipe's fills.
PAD_MODES = {"nearest": "edge", "constant": "constant", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}


@transformed.register
def _resize(transform: Resize, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    return canvas._replace(pixels=_resized(canvas.pixels, transform.size, transform.size))


@transformed.register
def _resize_short(transform: ResizeShort, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    height, width = short_size(*_size(canvas), transform.size)
    return canvas._replace(pixels=_resized(canvas.pixels, height, width))


def _size(canvas: Canvas) -> tuple[int, int]:
    height, width, _ = canvas.pixels.shape
    return height, width


def _resized(pixels, height, width, interpolation="bilinear"):
    if pixels.shape[:2] == (height, width):
        return pixels
    return jax.image.resize(pixels, (height, width, pixels.shape[-1]), interpolation)


@transformed.register
def _preset_crop(transform: PresetCrop, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    height, width = preset_size(*_size(canvas), transform.resize)
    top, left = preset_center(height, width, transform.size)
    # jax.image's "bicubic" is the filter of PIL, with a = -0.5; values outside of [0, 255] are clipped as PIL does.
    pixels = jnp.clip(_resized(canvas.pixels, height, width, transform.interpolation), 0, 255)
    return canvas._replace(pixels=pixels[top : top + transform.size, left : left + transform.size])


@transformed.register
def _center_crop(transform: CenterCrop, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    top, left = center(*_size(canvas), transform.size)
    return canvas._replace(pixels=canvas.pixels[top : top + transform.size, left : left + transform.size])


@transformed.register
def _random_crop(transform: RandomCrop, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    sides = ((transform.padding,) * 2, (transform.padding,) * 2, (0, 0))
    pixels = jnp.pad(canvas.pixels, sides, mode=PAD_MODES[transform.fill])
    height, width, channels = pixels.shape
    if min(height, width) < transform.size:
        raise ZooError(f"RandomCrop({transform.size}): the image has only {height}x{width} pixels, including padding")
    places = jnp.array([height - transform.size + 1, width - transform.size + 1])
    top, left = jax.random.randint(key, (2,), 0, places)
    size = (transform.size, transform.size, channels)
    return canvas._replace(pixels=jax.lax.dynamic_slice(pixels, (top, left, 0), size))


@transformed.register
def _random_resized_crop(
    transform: RandomResizedCrop, canvas: Canvas, key: jax.Array, statistics: Statistics
) -> Canvas:
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


@transformed.register
def _ten_crop(transform: TenCrop, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    height, width = canvas.pixels.shape[:2]
    size, (top, left) = transform.size, center(height, width, transform.size, "TenCrop")
    bottom, right = height - size, width - size
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (top, left)]
    crops = jnp.stack([canvas.pixels[row : row + size, column : column + size] for row, column in corners])
    return canvas._replace(pixels=jnp.concatenate([crops, crops[:, :, ::-1]]))
