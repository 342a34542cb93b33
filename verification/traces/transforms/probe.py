"""Shared helpers of the checks of transforms: results for many keys, and tests of distributions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from zoo.compilation import run_once
from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import Transform

ALPHA = 1e-3  # probability, over keys, of a false alarm of each check of a random transform
IMAGES = 256


@functools.singledispatch
def behaves(transform: Transform) -> tuple[bool, str]:
    """Returns whether many results of a transform have the distribution in its docstring, and a description."""
    raise TypeError(f"no check of {type(transform).__name__}: add it to verification/traces/transforms")


def many(transform: Transform, picture: np.ndarray, statistics: Statistics | None = None) -> np.ndarray:
    """Returns the results of a transform for `IMAGES` keys, [IMAGES, H, W, C]."""
    channels = picture.shape[-1]
    neutral = Statistics(jnp.zeros(channels), jnp.ones(channels), jnp.zeros((channels, channels)))
    keys = jax.random.split(jax.random.key(0), IMAGES)
    function = functools.partial(augment.apply, (transform,))
    return run_once(jax.vmap(function, (None, 0, None)), picture, keys, statistics or neutral)


def coordinates(height: int, width: int) -> np.ndarray:
    """Returns a picture [H, W, 2] whose channels are the row and the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns], -1).astype(np.uint8)


def uniform_pvalue(values: np.ndarray, low: float, high: float) -> float:
    """Returns the p-value of values under a uniform distribution.

    It is 0 if a value is outside by more than rounding and interpolation allow. If `low` equals `high`, it is 1 or 0:
    whether all values equal it to 1e-4.
    """
    if high - low < 1e-9:
        return float(np.allclose(values, low, atol=1e-4))
    slack = 1e-3 * (high - low) + 1e-4
    if values.min() < low - slack or values.max() > high + slack:
        return 0.0
    return float(scipy.stats.kstest(values, scipy.stats.uniform(low, high - low).cdf).pvalue)
