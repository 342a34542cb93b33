"""Parameter initializers that expose their distribution.

They return the same values as Flax's initializers of the same distribution. `zoo.training.step.initialization` samples
from the distribution without compiling a program for each parameter, and `verification` tests the samples against it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


@dataclass(frozen=True)
class VarianceScaling:
    """Initializer of kernels [..., in, out] with variance `scale` / fan, as `flax.linen.initializers.variance_scaling`.

    Attributes:
      scale: 2 for He (He et al. 2015, arXiv:1502.01852, equation 10), 1 with "fan_avg" for Glorot (Glorot & Bengio
        2010, equation 16), 1 with "fan_in" for LeCun.
      fan: the number of inputs of a unit, the number of outputs of an input, or the mean of both.
      distribution: "truncated_normal" is truncated at two standard deviations of a Gaussian widened such that
        the variance after truncation is right.
    """

    scale: float
    fan: Literal["fan_in", "fan_out", "fan_avg"]
    distribution: Literal["normal", "truncated_normal", "uniform"]

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return nn.initializers.variance_scaling(self.scale, self.fan, self.distribution)(key, shape, dtype)


@dataclass(frozen=True)
class Gaussian:
    """Initializer that samples a Gaussian with mean 0 and standard deviation `stddev`."""

    stddev: float

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return nn.initializers.normal(self.stddev)(key, shape, dtype)


@dataclass(frozen=True)
class Uniform:
    """Initializer that samples uniformly between -`bound` and `bound`."""

    bound: float

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -self.bound, self.bound)


OwnInitializer = VarianceScaling | Gaussian | Uniform


def torch_kernel() -> VarianceScaling:
    """Returns PyTorch's default kernel initializer: uniform in +-1 / sqrt(fan_in), as in `torch.nn.Linear`."""
    return VarianceScaling(1 / 3, "fan_in", "uniform")


def torch_bias(fan_in: int) -> Uniform:
    """Returns PyTorch's default bias initializer: uniform in +-1 / sqrt(fan_in), with the kernel's fan-in."""
    return Uniform(1 / math.sqrt(fan_in))
