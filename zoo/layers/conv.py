"""The zoo's one convolution: the usual parameters and results, and on each platform the lowering that is fast there."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from zoo.errors import ZooError
from zoo.layers import cpu_convolution
from zoo.layers.native_convolution import native_convolution
from zoo.layers.window import Padding, Window, pair, resolve_window


# The rule for the gradient is our own so that the choice of platform stays outside of differentiation: JAX would
# otherwise carry the residuals of every platform's branch through the step. Forward-mode differentiation is the price.
@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolution(x: jax.Array, kernel: jax.Array, window: Window, groups: int = 1) -> jax.Array:
    """A 2-D cross-correlation; it can be differentiated in reverse mode (`jax.grad`, `jax.vjp`), not in forward mode.

    Args:
      x: images [N, H, W, C].
      kernel: [kh, kw, C / groups, features], the same dtype as `x`.
      window: strides and padding; its size is the kernel's.
      groups: input and output channels are cut into this many parts that do not see each other.

    Returns:
      [N, H', W', features] in the dtype of `x`.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=functools.partial(cpu_convolution.convolution, window=window, groups=groups),
        default=functools.partial(native_convolution, window=window, groups=groups),
    )


def _forward(x, kernel, window, groups):
    return convolution(x, kernel, window, groups), (x, kernel)


def _backward(window, groups, residuals, cotangent):
    def gradients_of(lowering):
        def gradients(x, kernel, cotangent):
            _, transpose = jax.vjp(functools.partial(lowering, window=window, groups=groups), x, kernel)
            return transpose(cotangent)

        return gradients

    return lax.platform_dependent(
        *residuals,
        cotangent,
        cpu=gradients_of(cpu_convolution.convolution),
        default=gradients_of(native_convolution),
    )


convolution.defvjp(_forward, _backward)


class Conv(nn.Module):
    """A 2-D convolution, NHWC; reverse-mode differentiation only, see `convolution`.

    Parameters, as in `flax.linen.Conv`: `kernel` [kh, kw, C / groups, features] and `bias` [features], both float32.

    Attributes:
      features: output channels.
      kernel_size: pixels, one number or (height, width).
      strides: pixels, one number or (height, width).
      padding: "SAME", "VALID", pixels on every side, or ((top, bottom), (left, right)).
      groups: see `convolution`; `groups == C` is a depthwise convolution.
      use_bias: whether there is a bias.
      dtype: of the computation and of the result.
      kernel_init, bias_init: initializers `(key, shape, dtype) -> array`.

    Raises:
      ZooError: groups do not divide the channels, or the window does not fit into the image.
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    groups: int = 1
    use_bias: bool = True
    dtype: Any = jnp.float32
    kernel_init: Callable = nn.initializers.lecun_normal()
    bias_init: Callable = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        if channels % self.groups or self.features % self.groups:
            raise ZooError(
                f"{self.name}: {self.groups} groups do not divide {channels} input channels and {self.features} features"
            )
        window = resolve_window(self.name, x.shape[1:3], self.kernel_size, self.strides, self.padding)
        shape = (*pair(self.kernel_size), channels // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        y = convolution(x.astype(self.dtype), kernel.astype(self.dtype), window, self.groups)
        if self.use_bias:
            y += self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(self.dtype)
        return y
