"""The convolution layer."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.errors import ZooError
from zoo.layers.convolution import convolution
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import Padding, pair, resolve_window


class Conv(nn.Module):
    """A 2-D convolution of NHWC images.

    As in `flax.linen.Conv`, the parameters are `kernel` [kh, kw, C / groups, features] and `bias` [features], both
    float32.

    Attributes:
      features: output channels.
      kernel_size: in pixels, one number or (height, width).
      strides: in pixels, one number or (height, width).
      padding: "SAME", "VALID", "CEIL", pixels on every side, or ((top, bottom), (left, right)); see `Padding`.
      groups: see `convolution`; `groups == C` makes a depthwise convolution.
      use_bias: whether to add a bias.
      dtype: of the computation and of the result.
      kernel_init, bias_init: initializers `(key, shape, dtype) -> array`.

    Raises:
      ZooError: the channels are not divisible by `groups`, or the window does not fit into the image.
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    groups: int = 1
    use_bias: bool = True
    dtype: Any = jnp.float32
    kernel_init: Callable = VarianceScaling(1.0, "fan_in", "truncated_normal")
    bias_init: Callable = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        if channels % self.groups or self.features % self.groups:
            raise ZooError(
                f"{self.name}: {channels} input channels and {self.features} features must both be divisible by"
                f" groups={self.groups}"
            )
        window = resolve_window(self.name, x.shape[1:3], self.kernel_size, self.strides, self.padding)
        shape = (*pair(self.kernel_size), channels // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        y = convolution(x.astype(self.dtype), kernel.astype(self.dtype), window, self.groups)
        if self.use_bias:
            y += self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(self.dtype)
        return y
