"""Colour transforms; all except `PCAColor` expect pixel values from 0 to 255."""

import jax
import jax.numpy as jnp

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import Brightness, Contrast, Hue, PCAColor, ReverseChannels, Saturation

LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601, rounded as in torchvision


@transformed.register
def _pca_color(transform: PCAColor, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    amounts = transform.stddev * jax.random.normal(key, canvas.unit.shape)
    return canvas._replace(pixels=canvas.pixels + statistics.color_components @ amounts * canvas.unit)


@transformed.register
def _reverse_channels(transform: ReverseChannels, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    return Canvas(canvas.pixels[..., ::-1], canvas.unit[::-1])


@transformed.register
def _brightness(transform: Brightness, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    return canvas._replace(pixels=blend(canvas.pixels, 0.0, _factor(key, transform.amount)))


@transformed.register
def _contrast(transform: Contrast, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    return canvas._replace(pixels=blend(canvas.pixels, grey(canvas.pixels).mean(), _factor(key, transform.amount)))


@transformed.register
def _saturation(transform: Saturation, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    return canvas._replace(pixels=blend(canvas.pixels, grey(canvas.pixels), _factor(key, transform.amount)))


@transformed.register
def _hue(transform: Hue, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    if canvas.pixels.shape[-1] == 1:
        return canvas
    turn = jax.random.uniform(key, (), minval=-transform.amount, maxval=transform.amount)
    return canvas._replace(pixels=rotate_hue(canvas.pixels, turn))


def _factor(key, amount):
    return jax.random.uniform(key, (), minval=max(0.0, 1 - amount), maxval=1 + amount)


def blend(pixels: jax.Array, other: jax.Array | float, factor: jax.Array) -> jax.Array:
    """Returns factor * pixels + (1 - factor) * other, clipped to [0, 255]."""
    return jnp.clip(factor * pixels + (1 - factor) * other, 0, 255)


def grey(pixels: jax.Array) -> jax.Array:
    """Returns the luma [H, W, 1] of RGB pixels [H, W, 3]; grey pixels [H, W, 1] are returned unchanged."""
    if pixels.shape[-1] == 1:
        return pixels
    red, green, blue = (weight * pixels[..., channel] for channel, weight in enumerate(LUMA))
    return (red + green + blue)[..., None]


def rotate_hue(pixels: jax.Array, turn: jax.Array) -> jax.Array:
    """Rotates the HSV hue of RGB pixels [H, W, 3] by `turn` full turns."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    value = pixels.max(-1)
    chroma = value - pixels.min(-1)
    safe = jnp.where(chroma > 0, chroma, 1)
    # Not by equality with `value`: XLA may compute a channel twice, with different rounding.
    hue = jnp.where(
        (red >= green) & (red >= blue),
        (green - blue) / safe,
        jnp.where(green >= blue, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    # Each channel is the value minus a fraction of the chroma that depends on how far the pixel's hue is from the
    # channel's.
    place = (jnp.stack([hue + 5, hue + 3, hue + 1], -1) + 6 * turn) % 6
    return value[..., None] - chroma[..., None] * jnp.clip(jnp.minimum(place, 4 - place), 0, 1)
