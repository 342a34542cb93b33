"""What the checks of transforms share: results for many keys, and distributions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from zoo.compilation import run_once
from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.recipe.augmentation import Transform

ALPHA = 1e-3  # probability, over keys, that a check of something random fails though all is well
IMAGES = 256


@functools.singledispatch
def behaves(transform: Transform) -> tuple[bool, str]:
    """Whether many results of a transform are distributed as its docstring says, and what was found."""
    raise TypeError(f"there is no check of {type(transform).__name__} here yet")


def many(transform: Transform, picture: np.ndarray, statistics: Statistics | None = None) -> np.ndarray:
    """The transform's results for `IMAGES` keys."""
    channels = picture.shape[-1]
    neutral = Statistics(jnp.zeros(channels), jnp.ones(channels), jnp.zeros((channels, channels)))
    keys = jax.random.split(jax.random.key(0), IMAGES)
    function = functools.partial(augment.apply, (transform,))
    return run_once(jax.vmap(function, (None, 0, None)), picture, keys, statistics or neutral)


def coordinates(height: int, width: int) -> np.ndarray:
    """A picture whose first channel is the row and whose second is the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns], -1).astype(np.uint8)


def uniform_pvalue(values: np.ndarray, low: float, high: float) -> float:
    """How well values agree with the uniform distribution: 0 if one is outside of it by more than what rounding and
    interpolation do; with a constant, to four digits, if there is no range.
    """
    if high - low < 1e-9:
        return float(np.allclose(values, low, atol=1e-4))
    slack = 1e-3 * (high - low) + 1e-4
    if values.min() < low - slack or values.max() > high + slack:
        return 0.0
    return float(scipy.stats.kstest(values, scipy.stats.uniform(low, high - low).cdf).pvalue)
