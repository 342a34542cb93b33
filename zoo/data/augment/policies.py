"""RandAugment and TrivialAugment: random operations from a list, on integer-valued pixels.

Each operation matches torchvision's on uint8 tensors. Under vmap, every operation is computed for every image and one
result is selected; the five geometric operations therefore share one warp.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.augment.color import blend, grey
from zoo.data.augment.geometry import matrix, warp
from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import RandAugment, TrivialAugmentWide

BINS = 31  # number of strengths of each operation


def _identity(pixels, strength):
    return pixels


def _brightness(pixels, strength):
    return jnp.floor(blend(pixels, 0.0, 1 + strength))


def _saturation(pixels, strength):
    return jnp.floor(blend(pixels, jnp.floor(grey(pixels)), 1 + strength))


def _contrast(pixels, strength):
    return jnp.floor(blend(pixels, jnp.floor(grey(pixels)).mean(), 1 + strength))


def _sharpness(pixels, strength):
    """Blends pixels, except at the border, with their smoothed ones: kernel ((1, 1, 1), (1, 5, 1), (1, 1, 1)) / 13."""
    height, width = pixels.shape[:2]
    if min(height, width) <= 2:
        return pixels
    windows = [pixels[row : height - 2 + row, column : width - 2 + column] for row in range(3) for column in range(3)]
    smooth = jnp.round((sum(windows) + 4 * windows[4]) / 13)
    return jnp.floor(blend(pixels, pixels.at[1:-1, 1:-1].set(smooth), 1 + strength))


def _posterize(pixels, strength):
    step = jnp.exp2(8 - strength)
    return jnp.floor(pixels / step) * step


def _solarize(pixels, strength):
    return jnp.where(pixels >= strength, 255 - pixels, pixels)


def _auto_contrast(pixels, strength):
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    scale = 255 / jnp.where(high > low, high - low, 255)
    return jnp.floor(jnp.clip((pixels - jnp.where(high > low, low, 0)) * scale, 0, 255))


def _equalize(pixels, strength):
    """Equalizes each channel by its cumulative histogram, in which the largest value is ignored, as in PIL."""

    def channel(values):
        values = values.astype(jnp.int32)
        histogram = jnp.zeros(256, jnp.int32).at[values.ravel()].add(1)
        step = (values.size - histogram[values.max()]) // 255
        before = jnp.cumsum(histogram) - histogram
        table = jnp.clip((before + step // 2) // jnp.maximum(step, 1), 0, 255)
        return jnp.where(step > 0, table[values], values).astype(jnp.float32)

    return jax.vmap(channel, -1, -1)(pixels)


def _shear_x(strength, height, width):
    return matrix(d=strength, f=strength * height / 2)  # about the top edge


def _shear_y(strength, height, width):
    return matrix(b=strength, c=strength * width / 2)  # about the left edge


def _translate_x(strength, height, width):
    return matrix(f=-jnp.trunc(strength))


def _translate_y(strength, height, width):
    return matrix(c=-jnp.trunc(strength))


def _rotate(strength, height, width):
    cosine, sine = jnp.cos(jnp.deg2rad(strength)), jnp.sin(jnp.deg2rad(strength))
    return matrix(cosine, sine, 0.0, -sine, cosine)


def _stay(strength, height, width):
    return matrix()


class Operation(NamedTuple):
    """An operation: an affine map, a subsequent change of pixel values, and whether the strength has a random sign."""

    displace: Callable = _stay
    recolor: Callable = _identity
    signed: bool = True


OPERATIONS = {
    "Identity": Operation(signed=False),
    "ShearX": Operation(_shear_x),
    "ShearY": Operation(_shear_y),
    "TranslateX": Operation(_translate_x),
    "TranslateY": Operation(_translate_y),
    "Rotate": Operation(_rotate),
    "Brightness": Operation(recolor=_brightness),
    "Color": Operation(recolor=_saturation),
    "Contrast": Operation(recolor=_contrast),
    "Sharpness": Operation(recolor=_sharpness),
    "Posterize": Operation(recolor=_posterize, signed=False),
    "Solarize": Operation(recolor=_solarize, signed=False),
    "AutoContrast": Operation(recolor=_auto_contrast, signed=False),
    "Equalize": Operation(recolor=_equalize, signed=False),
}


def _strengths(shear, across, down, degrees, mix, bits):
    """Returns strengths [operations, BINS], evenly spaced from 0 to the maxima; Posterize drops at most `bits` bits."""
    even = np.linspace(0, 1, BINS)
    largest = {"ShearX": shear, "ShearY": shear, "TranslateX": across, "TranslateY": down, "Rotate": degrees}
    rows = {name: even * strength for name, strength in largest.items()}
    rows |= {name: even * mix for name in ("Brightness", "Color", "Contrast", "Sharpness")}
    rows |= {"Posterize": 8 - np.round(even * bits), "Solarize": 255 * (1 - even)}
    return np.stack([rows.get(name, 0 * even) for name in OPERATIONS])


@transformed.register
def _rand_augment(transform: RandAugment, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    height, width = canvas.pixels.shape[:2]
    strengths = _strengths(0.3, 150 / 331 * width, 150 / 331 * height, 30, 0.9, 4)[:, transform.magnitude]
    pixels = _whole(canvas.pixels)
    for number in range(transform.num_ops):
        choice_key, sign_key = jax.random.split(jax.random.fold_in(key, number))
        operation = jax.random.randint(choice_key, (), 0, len(OPERATIONS))
        pixels = operate(pixels, operation, jnp.asarray(strengths, jnp.float32)[operation] * _sign(sign_key, operation))
    return canvas._replace(pixels=pixels)


@transformed.register
def _trivial_augment_wide(
    transform: TrivialAugmentWide, canvas: Canvas, key: jax.Array, statistics: Statistics
) -> Canvas:
    choice_key, strength_key, sign_key = jax.random.split(key, 3)
    operation = jax.random.randint(choice_key, (), 0, len(OPERATIONS))
    strengths = jnp.asarray(_strengths(0.99, 32, 32, 135, 0.99, 6), jnp.float32)
    strength = strengths[operation, jax.random.randint(strength_key, (), 0, BINS)]
    return canvas._replace(pixels=operate(_whole(canvas.pixels), operation, strength * _sign(sign_key, operation)))


def _whole(pixels):
    return jnp.clip(jnp.round(pixels), 0, 255)


def _sign(key, operation):
    signed = jnp.array([operation.signed for operation in OPERATIONS.values()])
    return jnp.where(signed[operation] & jax.random.bernoulli(key), -1.0, 1.0)


def operate(pixels: jax.Array, operation: jax.Array, strength: jax.Array) -> jax.Array:
    """Applies one of `OPERATIONS`, given by its index, to integer-valued pixels [H, W, C] from 0 to 255."""
    height, width = pixels.shape[:2]
    maps = jnp.stack([each.displace(strength, height, width) for each in OPERATIONS.values()])
    moved = warp(pixels, maps[operation], "constant", order=0)
    return jax.lax.switch(operation, [each.recolor for each in OPERATIONS.values()], moved, strength)
