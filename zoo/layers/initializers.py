"""Where a network's own parameters come from: initializers that can be asked for their law.

They give what Flax's of the same law give. `zoo.training.step.initialization` draws by the law, without a program for each parameter, and
`verification` tests what was drawn against it.
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
    """Of kernels [..., in, out]: variance `scale` / fan, as `flax.linen.initializers.variance_scaling`.

    Attributes:
      scale: 2 is He's (He et al. 2015, arXiv:1502.01852, equation 10), 1 with "fan_avg" Glorot's (Glorot & Bengio 2010,
        equation 16), 1 with "fan_in" LeCun's.
      fan: how many inputs a unit has, how many outputs an input has, or the mean of both.
      law: "truncated_normal" is cut off at two deviations of a Gaussian that is wider by as much as that takes off.
    """

    scale: float
    fan: Literal["fan_in", "fan_out", "fan_avg"]
    law: Literal["normal", "truncated_normal", "uniform"]

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return nn.initializers.variance_scaling(self.scale, self.fan, self.law)(key, shape, dtype)


@dataclass(frozen=True)
class Gaussian:
    """Mean 0 and deviation `stddev`."""

    stddev: float

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return nn.initializers.normal(self.stddev)(key, shape, dtype)


@dataclass(frozen=True)
class Uniform:
    """Between -`bound` and `bound`."""

    bound: float

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -self.bound, self.bound)


OwnInitializer = VarianceScaling | Gaussian | Uniform


def torch_kernel() -> VarianceScaling:
    """PyTorch's default for kernels: uniform within +-1 / sqrt(fan_in) (`torch.nn.Linear.reset_parameters`)."""
    return VarianceScaling(1 / 3, "fan_in", "uniform")


def torch_bias(fan_in: int) -> Uniform:
    """PyTorch's default for biases: uniform within +-1 / sqrt(fan_in), `fan_in` being that of the layer's kernel."""
    return Uniform(1 / math.sqrt(fan_in))
