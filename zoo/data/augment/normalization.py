"""Normalization on the device: clips outliers, imputes missing features, then shifts and scales."""

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
            f"Normalize(): the mean image has shape {mean.shape[:2]}, but the image has {canvas.pixels.shape[:2]}"
        )
    pixels = canvas.pixels
    if statistics.low is not None:
        pixels = jnp.clip(pixels, statistics.low, statistics.high)  # leaves NaN as it is
    if statistics.fill is not None:
        pixels = jnp.where(jnp.isnan(pixels), statistics.fill, pixels)
    return Canvas((pixels - mean) / statistics.scale, canvas.unit / statistics.scale)
