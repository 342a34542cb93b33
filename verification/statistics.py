"""Statistics for comparing runs with reference runs, and counts with probabilities."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

# Probability that `python -m verification --tier=full` fails a check of healthy code, over all recipes together. 0.9 of
# it is for convergence, shared equally by the recipes with reference runs; the rest is for the random checks before
# training (of initial values).
SUITE_ALPHA = 0.01
CONVERGENCE_ALPHA = 0.9 * SUITE_ALPHA


class Band(NamedTuple):
    """A range of values that further runs from the distribution of the reference runs are rarely all beyond.

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

    def all_beyond(self, values: Sequence[float]) -> bool:
        """Returns whether all values are above the band, or all below it; NaN is both."""
        return all(not value <= self.high for value in values) or all(not value >= self.low for value in values)


def prediction_band(values: Sequence[float], alpha: float, runs: int = 1) -> Band:
    """Returns the band which all of `runs` further values are beyond, on one side, with probability `alpha`.

    It is exact for independent values from a normal distribution; for one run it is the prediction interval
    mean +- t(1 - alpha / 2, n - 1) sqrt(1 + 1 / n) s (Hahn & Meeker 1991, section 4.3).

    That all runs must agree, rather than their mean be far away, costs no power where the deviation is estimated from
    few runs, and is less sensitive to heavy tails: with Student's t of 5 degrees of freedom in place of the normal
    distribution, 16 reference runs and alpha = 1e-4, simulated probabilities are 2e-4 for three runs that agree, 23e-4
    for their mean and 55e-4 for a single run.

    Args:
      values: the values of the reference runs, at least two.
      alpha: the probability for healthy runs.
      runs: number of further runs.
    """
    n = len(values)
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
    margin = limit(alpha, n, runs) * std
    return Band(mean - margin, mean + margin, mean, std, n)


@functools.cache
def limit(alpha: float, n: int, runs: int) -> float:
    """Returns the distance from the mean, in estimated deviations, that `runs` values all exceed with this probability.

    Args:
      alpha: the probability, on both sides together.
      n: number of reference runs, from which mean and deviation are estimated.
      runs: number of further runs.
    """
    if runs == 1:
        return float(scipy.stats.t.ppf(1 - alpha / 2, n - 1)) * math.sqrt(1 + 1 / n)

    def excess(logarithm):
        return math.log(2 * probability_beyond(math.exp(logarithm), n, runs)) - math.log(alpha)

    return math.exp(scipy.optimize.brentq(excess, math.log(1e-3), math.log(1e3), xtol=1e-4))


def probability_beyond(distance: float, n: int, runs: int, shift: float = 0.0) -> float:
    """Returns the probability that `runs` normal values are all above the mean of n others by `distance` deviations.

    Mean and deviation are estimated from the n values; the integral over both is evaluated on a grid.

    Args:
      distance: in estimated deviations.
      n: number of reference runs.
      runs: number of further runs.
      shift: expectation of the further values, in true deviations above that of the reference runs.
    """
    mean, mean_weight, std, std_weight = _grid(n)
    beyond = scipy.special.ndtr(shift - mean[:, None] - distance * std) ** runs
    return float(mean_weight @ beyond @ std_weight)


@functools.cache
def _grid(n):
    """Points and weights of the mean and the standard deviation of n values from the standard normal distribution."""
    normal = np.linspace(-8, 8, 81)
    mean_weight = scipy.stats.norm.pdf(normal) * (normal[1] - normal[0])
    logarithm = np.linspace(math.log(1e-3), math.log(6), 250)
    std = np.exp(logarithm)
    degrees = n - 1
    density = scipy.stats.chi2.pdf(degrees * std**2, degrees) * 2 * degrees * std  # of std
    return normal / math.sqrt(n), mean_weight, std, density * std * (logarithm[1] - logarithm[0])


def fraction_is_plausible(count: int, n: int, probability: float, alpha: float) -> bool:
    """Returns whether `count` of `n` passes a binomial test for this probability, at significance level `alpha`."""
    return bool(scipy.stats.binomtest(count, n, probability).pvalue >= alpha)


def rate_bounds(count: int, n: int) -> tuple[float, float]:
    """Returns the 95 % confidence bounds of a probability for `count` events in n trials (Clopper & Pearson 1934)."""
    interval = scipy.stats.binomtest(count, n).proportion_ci(0.95, "exact")
    return float(interval.low), float(interval.high)
