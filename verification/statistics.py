"""The statistics of comparing one run with reference runs, and of comparing samples with distributions."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats


class Band(NamedTuple):
    """Where a further run's value falls, with the given probability, if it is a run like the reference runs.

    Attributes:
      low, high: the ends.
      mean, deviation: of the reference runs.
      n: how many they were.
    """

    low: float
    high: float
    mean: float
    deviation: float
    n: int

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def prediction_band(values: Sequence[float], alpha: float) -> Band:
    """The two-sided prediction interval for one more value: mean +- t(1 - alpha / 2, n - 1) sqrt(1 + 1 / n) s.

    It is exact for independent values from one normal distribution (Hahn & Meeker 1991, section 4.3).

    Args:
      values: of the reference runs, at least two.
      alpha: the probability that a further value falls outside.
    """
    n = len(values)
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = scipy.stats.t.ppf(1 - alpha / 2, n - 1) * math.sqrt(1 + 1 / n) * deviation
    return Band(mean - reach, mean + reach, mean, deviation, n)


def share_is_plausible(count: int, n: int, probability: float, alpha: float) -> bool:
    """Whether `count` of `n` is what independent events of this probability give; wrong once in 1 / alpha times."""
    return bool(scipy.stats.binomtest(count, n, probability).pvalue >= alpha)
