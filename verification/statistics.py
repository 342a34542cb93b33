"""Statistics for comparing a run with reference runs, and counts with probabilities."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats


class Band(NamedTuple):
    """A prediction interval for the value of a further run from the same distribution as the reference runs.

    Attributes:
      low, high: the bounds.
      mean, std: the mean and standard deviation of the reference runs.
      n: the number of reference runs.
    """

    low: float
    high: float
    mean: float
    std: float
    n: int

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def prediction_band(values: Sequence[float], alpha: float) -> Band:
    """Returns the two-sided prediction interval for one more value: mean +- t(1 - alpha / 2, n - 1) sqrt(1 + 1 / n) s.

    It is exact for independent values from a normal distribution (Hahn & Meeker 1991, section 4.3).

    Args:
      values: the values of the reference runs, at least two.
      alpha: the probability that a further value lies outside.
    """
    n = len(values)
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
    margin = scipy.stats.t.ppf(1 - alpha / 2, n - 1) * math.sqrt(1 + 1 / n) * std
    return Band(mean - margin, mean + margin, mean, std, n)


def fraction_is_plausible(count: int, n: int, probability: float, alpha: float) -> bool:
    """Returns whether `count` of `n` passes a binomial test for this probability, at significance level `alpha`."""
    return bool(scipy.stats.binomtest(count, n, probability).pvalue >= alpha)
