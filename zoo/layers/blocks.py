"""Small building blocks used by several architecture families."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers.conv import Conv
from zoo.layers.initializers import VarianceScaling
from zoo.layers.normalization import BatchNorm
from zoo.layers.pooling import AdaptiveAvgPool
from zoo.layers.window import Padding


class ConvBN(nn.Module):
    """A convolution without bias, followed by batch normalization and an activation; sublayers `conv` and `bn`.

    Attributes:
      features, kernel_size, strides, padding, groups, kernel_init: as in `Conv`.
      activation: applied to the normalized output.
      epsilon, momentum: of batch normalization; `momentum` is the decay rate of the running statistics, the fraction of
        the old value that is kept. PyTorch's convention is the opposite: its 0.1 is 0.9 here.
      scale: whether batch normalization has a learned scale.
      dtype: of the computation.
    """

    features: int
    kernel_size: int | tuple[int, int]
    strides: int = 1
    padding: Padding = "SAME"
    groups: int = 1
    activation: Callable = nn.relu
    epsilon: float = 1e-5
    momentum: float = 0.9
    scale: bool = True
    kernel_init: Callable = VarianceScaling(1.0, "fan_in", "truncated_normal")
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = Conv(
            self.features,
            self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            groups=self.groups,
            use_bias=False,
            kernel_init=self.kernel_init,
            dtype=self.dtype,
            name="conv",
        )(x)
        x = BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_scale=self.scale,
            dtype=self.dtype,
            name="bn",
        )(x)
        return self.activation(x)


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018, section 3): scales channels by gates computed from their global averages.

    Sublayers: `avgpool`, `fc1`, `fc2`.

    Attributes:
      features: channels between the two layers.
      activation: applied after the first layer.
      gate: applied after the second layer; maps to (0, 1).
      kernel_init: initializer of both kernels.
      dtype: of the computation.
    """

    features: int
    activation: Callable = nn.relu
    gate: Callable = nn.sigmoid
    kernel_init: Callable = VarianceScaling(1.0, "fan_in", "truncated_normal")
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        def conv(features, name):
            return Conv(features, 1, kernel_init=self.kernel_init, dtype=self.dtype, name=name)

        weight = AdaptiveAvgPool(1, name="avgpool")(x)
        weight = self.activation(conv(self.features, "fc1")(weight))
        return x * self.gate(conv(x.shape[-1], "fc2")(weight))


class DropPath(nn.Dropout):
    """Stochastic depth (Huang et al. 2016): during training, drops a whole residual branch [N, H, W, C] per example."""

    broadcast_dims: tuple[int, ...] = (1, 2, 3)
