"""Initialization of parameters, with the distributions of the recipe or else of the network."""

import contextlib
import fnmatch
import functools
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

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

# Samplers (key, shape) -> float32. Gaussians have standard deviation 1 before truncation, the uniform has variance 1.
SAMPLERS = {
    "normal": jax.random.normal,
    "truncated": lambda key, shape: jax.random.truncated_normal(key, -2.0, 2.0, shape),
    "uniform": lambda key, shape: jax.random.uniform(key, shape, minval=-(3**0.5), maxval=3**0.5),
}
TRUNCATED_STD = 0.8796256610342398  # standard deviation of a standard Gaussian truncated to [-2, 2]


def distribution_of(initialization: Initialization, path: str) -> Distribution | None:
    """Returns a recipe's distribution for the parameter at `path`, such as "conv2/bias"; None for the network's own."""
    matches = [
        exception for pattern, exception in initialization.exceptions.items() if fnmatch.fnmatchcase(path, pattern)
    ]
    if matches:
        return matches[-1]
    return {"kernel": initialization.kernel, "bias": initialization.bias}.get(path.rpartition("/")[2])


@contextlib.contextmanager
def own_initializers() -> Iterator[dict[str, OwnInitializer]]:
    """Records the initializers of the layers of the networks called inside the context, by the parameter's path."""
    initializers = {}

    def record(next_method, arguments, options, context):
        for name in ("kernel", "bias"):
            if isinstance(initializer := getattr(context.module, f"{name}_init", None), OwnInitializer):
                initializers["/".join((*context.module.path, name))] = initializer
        return next_method(*arguments, **options)

    with nn.intercept_methods(record):
        yield initializers


def sampler_and_scale(distribution: Distribution | OwnInitializer, shape: tuple[int, ...]) -> tuple[str, float]:
    """Returns the name in `SAMPLERS` for a kernel [..., in, out], and the factor that its samples are multiplied by."""
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
        case VarianceScaling(scale, fan, kind):
            variance = scale / {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[fan]
            return ("uniform", math.sqrt(variance)) if kind == "uniform" else _gaussian(variance, kind != "normal")
    raise TypeError(type(distribution).__name__)


def _gaussian(variance, truncated):
    return ("truncated", math.sqrt(variance) / TRUNCATED_STD) if truncated else ("normal", math.sqrt(variance))


def draw(distribution: Distribution | OwnInitializer, key: jax.Array, shape: tuple[int, ...]) -> np.ndarray:
    """Samples one parameter: float32 with the given shape, on the host."""
    if isinstance(distribution, Constant):
        return np.full(shape, distribution.value, np.float32)
    if isinstance(distribution, Orthogonal):
        return np.asarray(jax.nn.initializers.orthogonal(distribution.scale)(key, shape, jnp.float32))
    sampler, scale = sampler_and_scale(distribution, shape)
    size = math.prod(shape)
    values = np.asarray(_standard(sampler, 1 << (size - 1).bit_length(), key))
    return (values[:size] * np.float32(scale)).reshape(shape)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _standard(sampler, length, key):
    """Samples a vector, whose prefixes are the vectors that the same key gives for smaller lengths.

    So one program for each power of two samples all parameters: compiling one for each shape would take longer than
    everything else before the first step.
    """
    return SAMPLERS[sampler](key, (length,))


def initial_variables(model: nn.Module, input_shape: tuple[int, int, int]) -> Callable[[jax.Array], dict[str, Any]]:
    """Returns the network's own initialization as a function of a key.

    It is jitted, so that the programs that call it share one trace: that of a large network takes seconds.

    Args:
      model: called as `model(images, train=False)`.
      input_shape: (height, width, channels) of its input.
    """
    return jax.jit(lambda key: model.init(key, jnp.zeros((1, *input_shape)), train=False))


def draw_parameters(
    initialization: Initialization,
    own: Mapping[str, OwnInitializer],
    seed: int,
    params: Mapping[str, jax.ShapeDtypeStruct],
) -> dict[str, np.ndarray]:
    """Samples the parameters whose distribution is known.

    Args:
      initialization: the recipe's.
      own: from `own_initializers`, by path: the network's initializers, for parameters that the recipe leaves out.
      seed: of the run. Each parameter's key is derived from the seed and the parameter's path, so that adding or
        removing a layer does not change the others.
      params: shapes by path, such as "conv1/kernel".

    Returns:
      float32 arrays by path, on the host. Parameters that are missing here are left to `model.init`.
    """
    key, drawn = jax.random.key(np.uint32(seed)), {}
    for path, parameter in params.items():
        distribution = distribution_of(initialization, path) or own.get(path)
        if distribution is not None:
            own_key = jax.random.fold_in(key, zlib.crc32(path.encode()))
            drawn[path] = draw(distribution, own_key, parameter.shape)
    return drawn
