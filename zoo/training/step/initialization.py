"""Draws a network's parameters as the recipe says, or else as the network does."""

import contextlib
import fnmatch
import functools
import math
import zlib
from collections.abc import Iterator, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from zoo.layers.initializers import Gaussian, OwnInitializer, Uniform, VarianceScaling
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

# What draws (key, shape) -> float32: Gaussians have the deviation 1 before they are truncated, the others the variance 1.
DISTRIBUTIONS = {
    "normal": jax.random.normal,
    "truncated": lambda key, shape: jax.random.truncated_normal(key, -2.0, 2.0, shape),
    "uniform": lambda key, shape: jax.random.uniform(key, shape, minval=-(3**0.5), maxval=3**0.5),
}
TRUNCATED_STD = 0.8796256610342398  # of a standard Gaussian between -2 and 2


def distribution_of(initialization: Initialization, path: str) -> Distribution | None:
    """What a recipe says of the parameter at `path`, such as "conv2/bias"; None for the network's own choice."""
    matches = [
        exception for pattern, exception in initialization.exceptions.items() if fnmatch.fnmatchcase(path, pattern)
    ]
    if matches:
        return matches[-1]
    return {"kernel": initialization.kernel, "bias": initialization.bias}.get(path.rpartition("/")[2])


@contextlib.contextmanager
def own_initializers() -> Iterator[dict[str, OwnInitializer]]:
    """Notes the laws that the layers of a network name, of the networks that are called inside; by the parameter's path."""
    laws = {}

    def note(next_method, arguments, options, context):
        for name in ("kernel", "bias"):
            if isinstance(law := getattr(context.module, f"{name}_init", None), OwnInitializer):
                laws["/".join((*context.module.path, name))] = law
        return next_method(*arguments, **options)

    with nn.intercept_methods(note):
        yield laws


def law_and_scale(distribution: Distribution | OwnInitializer, shape: tuple[int, ...]) -> tuple[str, float]:
    """Which of `DISTRIBUTIONS` the values of a kernel [..., in, out] have, and by what they are multiplied."""
    fan_in, fan_out = math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]
    match distribution:
        case Normal(stddev) | Gaussian(stddev):
            return "normal", stddev
        case TruncatedNormal(stddev):
            return "truncated", stddev
        case HeNormal(truncated):
            return _gaussian(2 / fan_in, truncated)
        case GlorotNormal(truncated):
            return _gaussian(2 / (fan_in + fan_out), truncated)
        case LeCunNormal(truncated):
            return _gaussian(1 / fan_in, truncated)
        case HeUniform():
            return "uniform", math.sqrt(2 / fan_in)
        case GlorotUniform():
            return "uniform", math.sqrt(2 / (fan_in + fan_out))
        case LeCunUniform():
            return "uniform", math.sqrt(1 / fan_in)
        case Uniform(bound):
            return "uniform", bound / math.sqrt(3)
        case VarianceScaling(scale, fan, law):
            variance = scale / {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[fan]
            return ("uniform", math.sqrt(variance)) if law == "uniform" else _gaussian(variance, law != "normal")
    raise TypeError(type(distribution).__name__)


def _gaussian(variance, truncated):
    return ("truncated", math.sqrt(variance) / TRUNCATED_STD) if truncated else ("normal", math.sqrt(variance))


def draw(distribution: Distribution | OwnInitializer, key: jax.Array, shape: tuple[int, ...]) -> np.ndarray:
    """One parameter, float32, on the host."""
    if isinstance(distribution, Constant):
        return np.full(shape, distribution.value, np.float32)
    if isinstance(distribution, Orthogonal):
        return np.asarray(jax.nn.initializers.orthogonal(distribution.scale)(key, shape, jnp.float32))
    law, scale = law_and_scale(distribution, shape)
    size = math.prod(shape)
    values = np.asarray(_standard(law, 1 << (size - 1).bit_length(), key))
    return (values[:size] * np.float32(scale)).reshape(shape)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _standard(law, length, key):
    """A vector. A shorter one with the same key is its beginning, and so a few programs, one for each power of two, draw
    all parameters: to compile one for each shape takes longer than all else before a network's first step.
    """
    return DISTRIBUTIONS[law](key, (length,))


def draw_parameters(
    initialization: Initialization,
    own: Mapping[str, OwnInitializer],
    seed: int,
    params: Mapping[str, jax.ShapeDtypeStruct],
) -> dict[str, np.ndarray]:
    """Draws the parameters whose law is known.

    Args:
      initialization: the recipe's.
      own: the network's own_initializers, by path, for what the recipe leaves to it.
      seed: of the run. Each parameter's own key follows from it and from the parameter's path, so that another layer
        more or less leaves the rest as it was.
      params: shapes by path, such as "conv1/kernel".

    Returns:
      float32 arrays by path, on the host; what is not in there, the network's own initializers make.
    """
    key, drawn = jax.random.key(np.uint32(seed)), {}
    for path, parameter in params.items():
        distribution = distribution_of(initialization, path) or own.get(path)
        if distribution is not None:
            own_key = jax.random.fold_in(key, zlib.crc32(path.encode()))
            drawn[path] = draw(distribution, own_key, parameter.shape)
    return drawn
