"""Initializers that are not in `flax.linen.initializers`."""

import math
from collections.abc import Callable

import flax.linen as nn
import jax


def torch_kernel() -> Callable:
    """PyTorch's default for kernels: uniform within +-1 / sqrt(fan_in) (`torch.nn.Linear.reset_parameters`)."""
    return nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


def torch_bias(fan_in: int) -> Callable:
    """PyTorch's default for biases: uniform within +-1 / sqrt(fan_in), `fan_in` being that of the layer's kernel."""
    bound = 1 / math.sqrt(fan_in)
    return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound)
