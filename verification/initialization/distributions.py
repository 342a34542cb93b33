"""Statistical tests of whether the values of a parameter follow a law, or are those of an orthogonal kernel."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.special
import scipy.stats

from verification.facts.initializers import (
    GLOROT_UNIFORM,
    Law,
    constant,
    normal,
    truncated_normal,
)
from zoo.recipe import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Orthogonal,
    TruncatedNormal,
)
from zoo.recipe.initialization import Distribution

MAX_KOLMOGOROV_VALUES = 200_000  # larger kernels are subsampled for Kolmogorov's test
# For the tests of mean and variance, which use the normal approximation; Kolmogorov's test is exact for any size.
MIN_VALUES = 100
TRUNCATED = scipy.stats.truncnorm(-2, 2)
# Tolerance for products of unit vectors in float32; those of random vectors are off by 1 / sqrt(length).
ORTHOGONALITY_TOLERANCE = 1e-5


def law_of(distribution: Distribution) -> Law | Orthogonal:
    """Returns the law of a recipe's distribution, by the papers in their docstrings; orthogonal kernels have none."""
    match distribution:
        case Constant(value):
            return constant(value)
        case Normal(stddev):
            return normal(stddev)
        case TruncatedNormal(stddev):
            return truncated_normal(stddev)
        case HeNormal(truncated):
            return Law(_normal_form(truncated), 2.0, "fan_in")
        case LeCunNormal(truncated):
            return Law(_normal_form(truncated), 1.0, "fan_in")
        case GlorotNormal(truncated):
            return Law(_normal_form(truncated), 2.0, "fan_sum")
        case HeUniform():
            return Law("uniform", 2.0, "fan_in")
        case LeCunUniform():
            return Law("uniform", 1.0, "fan_in")
        case GlorotUniform():
            return GLOROT_UNIFORM
        case Orthogonal():
            return distribution
    raise TypeError(f"no law of {type(distribution).__name__}: add it to verification/initialization/distributions.py")


def _normal_form(truncated):
    return "truncated normal" if truncated else "normal"


def find_problems(
    path: str,
    values: np.ndarray,
    law: Law | Orthogonal,
    alpha: float,
    kernel: tuple[int, ...] | None = None,
) -> list[str]:
    """Returns a message for each test that a parameter fails; each of at most three has false-alarm rate `alpha`.

    Args:
      path: of the parameter, for the messages.
      values: float32.
      law: the expected one.
      alpha: false-alarm rate of each test; there is none for a constant.
      kernel: shape of the layer's kernel, for a bias whose law depends on a fan; else the shape of `values`.
    """
    values = np.asarray(values)
    if isinstance(law, Orthogonal):
        return find_orthogonal_problems(path, values, law, alpha)
    if law.form == "constant":
        different = np.count_nonzero(values != np.float32(law.numerator))
        return [f"{path}: {different:,} values are not {law}"] if different else []
    std = math.sqrt(law.variance(kernel or values.shape))
    standard = standardized(law)
    flat, n = values.ravel(), values.size
    mean, square = _moments(flat)
    z_mean = mean / std * math.sqrt(n)
    z_variance = (square / std**2 - 1) / math.sqrt((standard.kurtosis - 1) / n)
    pvalue_of_variance = 2 * scipy.stats.norm.sf(abs(z_variance))
    if law.form == "normal":  # use the exact distribution, as the normal limit is poor in the tails for small n
        chi_square = scipy.stats.chi2(n)
        pvalue_of_variance = 2 * min(chi_square.cdf(n * square / std**2), chi_square.sf(n * square / std**2))
    problems = []
    if not np.isfinite(flat).all():
        return [f"{path}: some values are not finite"]
    if n >= MIN_VALUES and 2 * scipy.stats.norm.sf(abs(z_mean)) < alpha:
        problems.append(f"{path}: its mean is {abs(z_mean):.1f} standard errors off that of {law}")
    if n >= MIN_VALUES and pvalue_of_variance < alpha:
        problems.append(f"{path}: its variance is {abs(z_variance):.1f} standard errors off that of {law}")
    if kolmogorov(flat[:: max(n // MAX_KOLMOGOROV_VALUES, 1)] / std, standard) < alpha:
        problems.append(f"{path}: its values do not follow {law}")
    return problems


def _moments(values):
    """Returns the means of the values and of their squares, in float64, by chunks that fit into the CPU cache."""
    total = squares = 0.0
    for part in np.array_split(values, -(-values.size // 2**16)):
        part = part.astype(np.float64)
        total, squares = total + part.sum(), squares + part @ part
    return total / values.size, squares / values.size


class StandardizedDistribution(NamedTuple):
    """A distribution with mean 0 and variance 1.

    Attributes:
      kurtosis: the fourth moment.
      cdf: the cumulative distribution function, of an array.
    """

    kurtosis: float
    cdf: Callable[[np.ndarray], np.ndarray]


def standardized(law: Law) -> StandardizedDistribution:
    """Returns the distribution of a value, scaled to unit variance."""
    cdf = scipy.special.ndtr
    if law.form == "uniform":
        return StandardizedDistribution(9 / 5, lambda x: np.clip((x / math.sqrt(3) + 1) / 2, 0, 1))
    if law.form == "truncated normal":
        low, high = cdf([-2.0, 2.0])
        return StandardizedDistribution(
            TRUNCATED.stats("k") + 3, lambda x: np.clip((cdf(x * TRUNCATED.std()) - low) / (high - low), 0, 1)
        )
    return StandardizedDistribution(3, cdf)


def kolmogorov(values: np.ndarray, distribution: StandardizedDistribution) -> float:
    """Returns the p-value of Kolmogorov's test; same result as `scipy.stats.kstest` in a fifth of the time."""
    n, cdf = values.size, distribution.cdf(np.sort(values).astype(np.float64))
    places = np.arange(n + 1) / n
    distance = max((places[1:] - cdf).max(), (cdf - places[:-1]).max())
    return float(scipy.stats.kstwo.sf(distance, n))


def find_orthogonal_problems(path: str, values: np.ndarray, distribution: Orthogonal, alpha: float) -> list[str]:
    """Returns the problems of an orthogonal kernel; the test of its mean has false-alarm rate `alpha`."""
    matrix = values.reshape(-1, values.shape[-1]).astype(np.float64) / distribution.scale
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    length, count = matrix.shape
    off = float(np.abs(matrix.T @ matrix - np.eye(count)).max())
    problems = []
    if off > ORTHOGONALITY_TOLERANCE:
        problems.append(f"{path}: inner products are {off:.1e} off those of orthogonal vectors")
    # One product with unit vectors on both sides is a coordinate of a uniformly random unit vector: its square is Beta.
    coordinate = matrix.sum() / math.sqrt(length * count)
    if length > 1 and scipy.stats.beta.sf(min(coordinate**2, 1.0), 0.5, (length - 1) / 2) < alpha:
        problems.append(f"{path}: its mean is off that of a random orthogonal matrix")
    return problems
