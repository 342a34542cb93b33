"""Do parameters start as the recipe says, and the loss where a network that knows nothing has it?"""

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
from verification.losses import of_equal_logits, of_unit_logits
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

ALPHA = 1e-3  # probability, over seeds, that one of the two checks of a recipe fails though all is well
KOLMOGOROV_SAMPLE = 200_000
FEWEST_VALUES = (
    100  # for tests of mean and variance, which go by the normal distribution; Kolmogorov's is exact for any number
)
TRUNCATED = scipy.stats.truncnorm(-2, 2)
ROUNDING = 1e-5  # of the products of unit vectors in float32; a draw that is not orthogonal is off by 1 / sqrt(length)
LOSS_IMAGES = 16  # a network that knows nothing tells them hardly apart, so that more would say little more


def check_initialization(recipe_name: str, experiment: Experiment, seed: int) -> Iterator[Check]:
    """Tests each parameter's mean, variance and distribution function, and the loss before training."""
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
        own = sum(path in experiment.laws and named_distribution(initialization, path) is None for path in tested)
        fine = (
            f"{len(tested) - own} parameters are as the recipe says and {own} as the network does, which sets {left} others"
            f" to constants; wrong once in {1 / ALPHA:,.0f} seeds"
        )
        yield group.check("distributions", not problems, "; ".join(problems) or fine)
    else:
        yield group.skip("distributions", f"the recipe leaves all {left} parameters to a network that names no laws")

    if taken:
        yield group.skip("loss", "the network starts from trained weights")
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
        f"{metrics['loss']:.3f} before training, by the statistics of the batch; {equal:.3f} if all {classes} logits are equal, at most {highest:.3f} if their variance is one, but in 1 of {1 / ALPHA:,.0f} seeds",
    )


def first_eval_step(experiment: Experiment) -> Callable:
    """An evaluation step in which batch normalization goes by the statistics of the batch, as in the first training step.

    The moving statistics are 0 and 1 before training, and without a normalization that means something each block of a
    residual network doubles the variance.
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
    return lambda *arguments: compile_quickly(by_devices, *arguments)(*arguments)  # it is called once


def named_distribution(initialization: Initialization, path: str) -> Distribution | None:
    """What the recipe names for a parameter; None if it leaves it to the network."""
    chosen = {"kernel": initialization.kernel, "bias": initialization.bias}.get(path.split("/")[-1])
    for pattern, exception in initialization.exceptions.items():
        if fnmatch.fnmatchcase(path, pattern):
            chosen = exception
    return chosen


def variance(distribution: Distribution | OwnInitializer, shape: tuple[int, ...]) -> float:
    """Of one value, for a kernel [..., in, out]; by the formulas of the papers that the distributions' docstrings name."""
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
    """What is wrong with the values of one parameter; each of three tests errs with probability `alpha`."""
    name, values = type(distribution).__name__, np.asarray(values)
    if isinstance(distribution, Constant):
        other = np.count_nonzero(values != np.float32(distribution.value))
        return [f"{path}: {other:,} values are not {distribution.value:g}"] if other else []
    if isinstance(distribution, Orthogonal):
        return find_orthogonal_problems(path, values, distribution, alpha)
    deviation = math.sqrt(variance(distribution, values.shape))
    law = law_of(distribution)
    flat, n = values.ravel(), values.size
    mean, square = _moments(flat)
    z_mean = mean / deviation * math.sqrt(n)
    z_variance = (square / deviation**2 - 1) / math.sqrt((law.kurtosis - 1) / n)
    pvalue_of_variance = 2 * scipy.stats.norm.sf(abs(z_variance))
    if law.kurtosis == 3:  # a Gaussian: exact, for tails of small kernels are far from this limit
        chi_square = scipy.stats.chi2(n)
        pvalue_of_variance = 2 * min(
            chi_square.cdf(n * square / deviation**2), chi_square.sf(n * square / deviation**2)
        )
    problems = []
    if n >= FEWEST_VALUES and 2 * scipy.stats.norm.sf(abs(z_mean)) < alpha:
        problems.append(f"{path}: its mean is {abs(z_mean):.1f} standard errors off {name}")
    if n >= FEWEST_VALUES and pvalue_of_variance < alpha:
        problems.append(f"{path}: its variance is {abs(z_variance):.1f} standard errors off {name}")
    if kolmogorov(flat[:: max(n // KOLMOGOROV_SAMPLE, 1)] / deviation, law) < alpha:
        problems.append(f"{path}: its values are not distributed as {name}")
    return problems


def _moments(values):
    """The means of values and of their squares, summed up in float64, of so few at a time that they stay in the cache."""
    total = squares = 0.0
    for part in np.array_split(values, -(-values.size // 2**16)):
        part = part.astype(np.float64)
        total, squares = total + part.sum(), squares + part @ part
    return total / values.size, squares / values.size


class Law(NamedTuple):
    """Of a value of mean 0 and variance 1: its fourth moment, and its distribution function, of an array."""

    kurtosis: float
    cdf: Callable[[np.ndarray], np.ndarray]


def law_of(distribution: Distribution | OwnInitializer) -> Law:
    """The law of a value, scaled to variance one."""
    normal = scipy.special.ndtr
    match distribution:
        case HeUniform() | GlorotUniform() | LeCunUniform() | Uniform() | VarianceScaling(law="uniform"):
            return Law(9 / 5, lambda x: np.clip((x / math.sqrt(3) + 1) / 2, 0, 1))
        case (
            TruncatedNormal()
            | HeNormal(truncated=True)
            | GlorotNormal(truncated=True)
            | LeCunNormal(truncated=True)
            | VarianceScaling(law="truncated_normal")
        ):
            low, high = normal([-2.0, 2.0])
            return Law(
                TRUNCATED.stats("k") + 3, lambda x: np.clip((normal(x * TRUNCATED.std()) - low) / (high - low), 0, 1)
            )
    return Law(3, normal)


def kolmogorov(values: np.ndarray, law: Law) -> float:
    """The p-value of Kolmogorov's test; `scipy.stats.kstest` gives the same and takes five times as long."""
    n, cdf = values.size, law.cdf(np.sort(values).astype(np.float64))
    places = np.arange(n + 1) / n
    distance = max((places[1:] - cdf).max(), (cdf - places[:-1]).max())
    return float(scipy.stats.kstwo.sf(distance, n))


def find_orthogonal_problems(path: str, values: np.ndarray, distribution: Orthogonal, alpha: float) -> list[str]:
    """What is wrong with an orthogonal kernel; the test of its mean errs with probability `alpha`."""
    matrix = values.reshape(-1, values.shape[-1]).astype(np.float64) / distribution.scale
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    length, count = matrix.shape
    off = float(np.abs(matrix.T @ matrix - np.eye(count)).max())
    problems = [f"{path}: its products are {off:.1e} off those of orthogonal vectors"] if off > ROUNDING else []
    # One product with unit vectors on both sides is a coordinate of a uniformly random unit vector: its square is Beta.
    coordinate = matrix.sum() / math.sqrt(length * count)
    if length > 1 and scipy.stats.beta.sf(min(coordinate**2, 1.0), 0.5, (length - 1) / 2) < alpha:
        problems.append(f"{path}: its mean is off that of a random orthogonal matrix")
    return problems
