"""The transforms of a recipe, composed a second time: each with its own key, and the normalization by its formula.

Other transforms are the zoo's; each kind has a check of its own in `verification.traces.transforms`.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.augment.geometry import resample
from zoo.data.normalization import Array, Statistics
from zoo.recipe import Normalize
from zoo.recipe.augmentation import Affine, ReverseChannels, Transform


def transformed_image(
    transforms: Sequence[Transform], image: Array, key: jax.Array, statistics: Statistics
) -> jax.Array:
    """Applies transforms to one image; arguments and result are those of `zoo.data.augment.apply`."""
    canvas, maps = Canvas(jnp.asarray(image, jnp.float32), jnp.ones(image.shape[-1])), []
    for place, transform in enumerate(transforms):
        own_key = jax.random.fold_in(key, place)
        if isinstance(transform, Normalize):
            canvas = _normalized(canvas, statistics)
        elif isinstance(transform, ReverseChannels):
            canvas = Canvas(jnp.flip(canvas.pixels, -1), jnp.flip(canvas.unit, -1))
        elif not isinstance(transform, Affine):
            canvas = transformed(transform, canvas, own_key, statistics)
        else:  # those with the same fill, one after the other, are one interpolation
            maps.append((transform, own_key))
            following = transforms[place + 1] if place + 1 < len(transforms) else None
            if not (isinstance(following, Affine) and following.fill == transform.fill):
                canvas, maps = resample(maps, canvas), []
    return canvas.pixels


def _normalized(canvas, statistics):
    """Winsorizes, imputes and scales by the definitions in `zoo.data.normalization.Statistics`."""
    pixels = canvas.pixels
    if statistics.low is not None:
        pixels = jnp.where(pixels < statistics.low, statistics.low, pixels)
        pixels = jnp.where(pixels > statistics.high, statistics.high, pixels)
    if statistics.fill is not None:
        pixels = jnp.where(jnp.isnan(pixels), statistics.fill, pixels)
    return Canvas((pixels - statistics.mean) / statistics.scale, canvas.unit / statistics.scale)
