"""Normalization on the device: missing features are imputed, extreme ones clipped, then all are shifted and scaled."""

import jax
import jax.numpy as jnp

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.normalization import Statistics
from zoo.errors import ZooError
from zoo.recipe.augmentation import Normalize


@transformed.register
def _normalize(transform: Normalize, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
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
