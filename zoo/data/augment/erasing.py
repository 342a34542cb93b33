"""Random erasing and Cutout: rectangles of an image are overwritten."""

import jax
import jax.numpy as jnp

from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import Cutout, RandomErasing

ATTEMPTS = 10  # with the paper's areas and ratios, the probability that all of them fail is 1e-10


@transformed.register
def _random_erasing(transform: RandomErasing, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    height, width, channels = canvas.pixels.shape
    chosen_key, size_key, place_key, color_key = jax.random.split(key, 4)
    areas, ratios = jax.random.uniform(size_key, (2, ATTEMPTS))
    areas = (transform.min_area + areas * (transform.max_area - transform.min_area)) * height * width
    ratios = 1 / transform.max_ratio + ratios * (transform.max_ratio - 1 / transform.max_ratio)
    tall, wide = jnp.round(jnp.sqrt(areas * ratios)), jnp.round(jnp.sqrt(areas / ratios))
    fits = (tall < height) & (wide < width)
    size = jnp.array([tall[jnp.argmax(fits)], wide[jnp.argmax(fits)]])
    start = jnp.floor(jax.random.uniform(place_key, (2,)) * (jnp.array([height, width]) - size + 1))
    erase = fits.any() & jax.random.bernoulli(chosen_key, transform.probability)
    color = jax.random.uniform(color_key, (height, width, channels), maxval=255) if transform.fill == "random" else 0.0
    inside = rectangle(height, width, start, start + size)[..., None]
    return canvas._replace(pixels=jnp.where(erase & inside, color, canvas.pixels))


@transformed.register
def _cutout(transform: Cutout, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    height, width = canvas.pixels.shape[:2]
    start = jax.random.randint(key, (2,), 0, jnp.array([height, width])) - transform.size // 2
    inside = rectangle(height, width, start, start + transform.size)[..., None]
    return canvas._replace(pixels=jnp.where(inside, 0.0, canvas.pixels))


def rectangle(height: int, width: int, start: jax.Array, end: jax.Array) -> jax.Array:
    """Returns a bool mask [height, width] that is True from (row, column) `start` up to, but excluding, `end`."""
    rows, columns = jnp.arange(height), jnp.arange(width)
    in_rows = (rows >= start[0]) & (rows < end[0])
    in_columns = (columns >= start[1]) & (columns < end[1])
    return in_rows[:, None] & in_columns
