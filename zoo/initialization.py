"""Draws a network's parameters as a recipe says."""

import fnmatch
import functools
import zlib

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

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

variance_scaling = nn.initializers.variance_scaling


@functools.singledispatch
def initializer(distribution: Distribution):
    """The flax initializer `(key, shape, dtype) -> array` of a distribution."""
    raise TypeError(type(distribution).__name__)


def _gaussian(distribution: HeNormal | GlorotNormal | LeCunNormal) -> str:
    """What Flax calls the law: its "truncated_normal" keeps the variance."""
    return "truncated_normal" if distribution.truncated else "normal"


@initializer.register
def _he_normal(distribution: HeNormal):
    return variance_scaling(2.0, "fan_in", _gaussian(distribution))


@initializer.register
def _glorot_normal(distribution: GlorotNormal):
    return variance_scaling(1.0, "fan_avg", _gaussian(distribution))


@initializer.register
def _lecun_normal(distribution: LeCunNormal):
    return variance_scaling(1.0, "fan_in", _gaussian(distribution))


initializer.register(HeUniform, lambda distribution: variance_scaling(2.0, "fan_in", "uniform"))
initializer.register(GlorotUniform, lambda distribution: variance_scaling(1.0, "fan_avg", "uniform"))
initializer.register(LeCunUniform, lambda distribution: variance_scaling(1.0, "fan_in", "uniform"))
initializer.register(Normal, lambda distribution: nn.initializers.normal(distribution.stddev))
initializer.register(TruncatedNormal, lambda distribution: nn.initializers.truncated_normal(distribution.stddev))
initializer.register(Orthogonal, lambda distribution: nn.initializers.orthogonal(distribution.scale))
initializer.register(Constant, lambda distribution: nn.initializers.constant(distribution.value))


def distribution_of(initialization: Initialization, path: str) -> Distribution | None:
    """What a recipe says of the parameter at `path`, such as "conv2/bias"; None for the network's own choice."""
    matches = [
        exception for pattern, exception in initialization.exceptions.items() if fnmatch.fnmatchcase(path, pattern)
    ]
    if matches:
        return matches[-1]
    return {"kernel": initialization.kernel, "bias": initialization.bias}.get(path.rpartition("/")[2])


def initialize(model: nn.Module, initialization: Initialization, key: jax.Array, input_shape: tuple[int, ...]) -> dict:
    """Draws a network's variables.

    Args:
      model: called as `model(images, train=False)`.
      initialization: the recipe's.
      key: of the run. Each parameter's own key follows from it and from the parameter's path, so that another layer
        more or less leaves the rest as it was.
      input_shape: (height, width, channels) of an image.

    Returns:
      {"params": ..., "batch_stats": ...}, the latter only if the network has moving statistics.
    """
    variables = model.init(key, jnp.zeros((1, *input_shape)), train=False)
    params = traverse_util.flatten_dict(variables["params"], sep="/")
    for path, parameter in params.items():
        distribution = distribution_of(initialization, path)
        if distribution is not None:
            own_key = jax.random.fold_in(key, zlib.crc32(path.encode()))
            params[path] = initializer(distribution)(own_key, parameter.shape, parameter.dtype)
    return {**variables, "params": traverse_util.unflatten_dict(params, sep="/")}
