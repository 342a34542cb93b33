"""Checks of the initial state: parameter distributions match the recipe, and the initial loss that of random logits."""

import fnmatch
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
import scipy.stats
from flax import traverse_util

from verification.check import Check, Group
from verification.loss import of_equal_logits, of_unit_logits
from zoo import parallel
from zoo.compilation import compile_quickly
from zoo.data.selection import sample_indices
from zoo.layers.initializers import Gaussian, OwnInitializer, Uniform, VarianceScaling
from zoo.layers.normalization import BatchNorm, batch_norm
from zoo.recipe import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initialization,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Orthogonal,
    TruncatedNormal,
)
from zoo.recipe.initialization import Distribution
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.experiment import Experiment
from zoo.training.step.step import make_eval_step

ALPHA = 1e-3  # probability, over seeds, of a false alarm of each of the two checks of a recipe
MAX_KOLMOGOROV_VALUES = 200_000  # larger kernels are subsampled for Kolmogorov's test
# For the tests of mean and variance, which use the normal approximation; Kolmogorov's test is exact for any size.
MIN_VALUES = 100
TRUNCATED = scipy.stats.truncnorm(-2, 2)
# Tolerance for products of unit vectors in float32; those of random vectors are off by 1 / sqrt(length).
ORTHOGONALITY_TOLERANCE = 1e-5
LOSS_IMAGES = 16  # an untrained network gives similar logits for all images, so more would add little


def check_initialization(recipe_name: str, experiment: Experiment, seed: int) -> Iterator[Check]:
    """Checks the mean, variance and distribution of each parameter, and the loss before training."""
    group = Group(recipe_name, "initialization")
    state = experiment.initial_state(seed)
    params = traverse_util.flatten_dict(jax.device_get(state.params), sep="/")
    initialization = experiment.recipe.initialization
    named = {path: named_distribution(initialization, path) or experiment.own_initializers.get(path) for path in params}
    taken = experiment.start.variables if experiment.start else {}
    tested = {
        path: distribution
        for path, distribution in named.items()
        if distribution is not None and ("params", *path.split("/")) not in taken
    }
    problems = [
        problem
        for path, distribution in tested.items()
        for problem in find_problems(path, params[path], distribution, ALPHA / (3 * len(tested)))
    ]
    left = len(params) - len(tested)
    if tested:
        own = sum(named_distribution(initialization, path) is None for path in tested)
        fine = (
            f"{len(tested) - own} parameters match the recipe's initializers and {own} the network's own;"
            f" {left} others are constants; false alarm in 1 of {1 / ALPHA:,.0f} seeds"
        )
        yield group.check("distributions", not problems, "; ".join(problems) or fine)
    else:
        yield group.skip(
            "distributions", f"none of the {left} parameters has a known initializer in the recipe or the network"
        )

    if taken:
        yield group.skip("loss", "training starts from pretrained weights")
        return
    classes = len(experiment.dataset.class_names)
    pipeline = experiment.eval_pipeline
    metrics = evaluate_pipeline(
        first_eval_step(experiment),
        state.variables,
        experiment.constants(pipeline),
        pipeline,
        experiment.mesh,
        batch_size=LOSS_IMAGES,
        indices=sample_indices(len(pipeline.split), LOSS_IMAGES),
    )
    equal = of_equal_logits(experiment.recipe.loss, classes)
    highest = of_unit_logits(experiment.recipe.loss, classes, LOSS_IMAGES, ALPHA)
    yield group.check(
        "loss",
        metrics["loss"] <= highest,
        f"{metrics['loss']:.3f} before training, with batch statistics; {equal:.3f} if all {classes} logits are equal,"
        f" at most {highest:.3f} if they have unit variance, except in 1 of {1 / ALPHA:,.0f} seeds",
    )


def first_eval_step(experiment: Experiment) -> Callable:
    """Returns an evaluation step in which batch normalization uses batch statistics, as in the first training step.

    The running statistics are 0 and 1 before training; with these, each block of a residual network would double the
    variance.
    """
    body = make_eval_step(experiment.model, experiment.eval_pipeline.transforms, experiment.recipe.loss)

    def by_batch_statistics(next_method, arguments, options, context):
        layer = context.module
        if not isinstance(layer, BatchNorm) or context.method_name != "__call__":
            return next_method(*arguments, **options)
        (x,) = arguments
        bias = layer.get_variable("params", "bias")
        scale = layer.get_variable("params", "scale") if layer.use_scale else jnp.ones_like(bias)
        return batch_norm(x, scale, bias, layer.epsilon)[0].astype(layer.dtype)

    def step(*arguments):
        with nn.intercept_methods(by_batch_statistics):
            return body(*arguments)

    by_devices = parallel.data_parallel(step, experiment.mesh, donate=False)
    return lambda *arguments: compile_quickly(by_devices, *arguments)(*arguments)  # called once


def named_distribution(initialization: Initialization, path: str) -> Distribution | None:
    """Returns the recipe's distribution for a parameter; None if the recipe leaves it to the network."""
    chosen = {"kernel": initialization.kernel, "bias": initialization.bias}.get(path.split("/")[-1])
    for pattern, exception in initialization.exceptions.items():
        if fnmatch.fnmatchcase(path, pattern):
            chosen = exception
    return chosen


def variance(distribution: Distribution | OwnInitializer, shape: tuple[int, ...]) -> float:
    """Returns the variance of the values of a kernel [..., in, out], by the papers in the distributions' docstrings."""
    fan_in = math.prod(shape[:-1])
    fan_out = math.prod(shape[:-2]) * shape[-1]
    match distribution:
        case Normal(stddev) | Gaussian(stddev):
            return stddev**2
        case Uniform(bound):
            return bound**2 / 3
        case VarianceScaling(scale, fan, _):
            return scale / {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[fan]
        case TruncatedNormal(stddev):
            return stddev**2 * TRUNCATED.var()
        case HeNormal() | HeUniform():
            return 2 / fan_in
        case LeCunNormal() | LeCunUniform():
            return 1 / fan_in
        case GlorotNormal() | GlorotUniform():
            return 2 / (fan_in + fan_out)
    raise TypeError(type(distribution).__name__)


def find_problems(
    path: str, values: np.ndarray, distribution: Distribution | OwnInitializer, alpha: float
) -> list[str]:
    """Returns a message for each test that a parameter fails; each of three tests has false-alarm rate `alpha`."""
    name, values = type(distribution).__name__, np.asarray(values)
    if isinstance(distribution, Constant):
        different = np.count_nonzero(values != np.float32(distribution.value))
        return [f"{path}: {different:,} values are not {distribution.value:g}"] if different else []
    if isinstance(distribution, Orthogonal):
        return find_orthogonal_problems(path, values, distribution, alpha)
    std = math.sqrt(variance(distribution, values.shape))
    standard = standardized(distribution)
    flat, n = values.ravel(), values.size
    mean, square = _moments(flat)
    z_mean = mean / std * math.sqrt(n)
    z_variance = (square / std**2 - 1) / math.sqrt((standard.kurtosis - 1) / n)
    pvalue_of_variance = 2 * scipy.stats.norm.sf(abs(z_variance))
    if (
        standard.kurtosis == 3
    ):  # Gaussian: use the exact distribution, as the normal limit is poor in the tails for small n
        chi_square = scipy.stats.chi2(n)
        pvalue_of_variance = 2 * min(chi_square.cdf(n * square / std**2), chi_square.sf(n * square / std**2))
    problems = []
    if n >= MIN_VALUES and 2 * scipy.stats.norm.sf(abs(z_mean)) < alpha:
        problems.append(f"{path}: its mean is {abs(z_mean):.1f} standard errors off that of {name}")
    if n >= MIN_VALUES and pvalue_of_variance < alpha:
        problems.append(f"{path}: its variance is {abs(z_variance):.1f} standard errors off that of {name}")
    if kolmogorov(flat[:: max(n // MAX_KOLMOGOROV_VALUES, 1)] / std, standard) < alpha:
        problems.append(f"{path}: its values do not follow {name}")
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


def standardized(distribution: Distribution | OwnInitializer) -> StandardizedDistribution:
    """Returns the distribution of a value, scaled to unit variance."""
    normal = scipy.special.ndtr
    match distribution:
        case HeUniform() | GlorotUniform() | LeCunUniform() | Uniform() | VarianceScaling(distribution="uniform"):
            return StandardizedDistribution(9 / 5, lambda x: np.clip((x / math.sqrt(3) + 1) / 2, 0, 1))
        case (
            TruncatedNormal()
            | HeNormal(truncated=True)
            | GlorotNormal(truncated=True)
            | LeCunNormal(truncated=True)
            | VarianceScaling(distribution="truncated_normal")
        ):
            low, high = normal([-2.0, 2.0])
            return StandardizedDistribution(
                TRUNCATED.stats("k") + 3, lambda x: np.clip((normal(x * TRUNCATED.std()) - low) / (high - low), 0, 1)
            )
    return StandardizedDistribution(3, normal)


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
