"""The `Lowering` type, a convolution and its two gradients, and XLA's own convolution as one."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jax import lax

from zoo.layers.window import Window


class Lowering(NamedTuple):
    """Functions that compute a convolution y = conv(x, kernel) and its gradients, in the dtype of the arguments.

    Attributes:
      forward: `(x, kernel, window, groups) -> y`; see `zoo.layers.convolution.convolution` for shapes.
      input_gradient: `(cotangent, kernel, window, groups, image_size) -> gradient` with respect to `x`, for a cotangent
        of y's shape and an x of `image_size` (H, W) pixels.
      kernel_gradient: `(x, cotangent, window, groups) -> gradient` with respect to `kernel`.
    """

    forward: Callable
    input_gradient: Callable
    kernel_gradient: Callable


def transposed(forward: Callable) -> Lowering:
    """Returns a lowering whose gradients JAX derives from its forward function."""

    def input_gradient(cotangent, kernel, window, groups, image_size):
        shape = (cotangent.shape[0], *image_size, kernel.shape[2] * groups)
        _, transpose = jax.vjp(lambda x: forward(x, kernel, window, groups), lax.full(shape, 0, cotangent.dtype))
        return transpose(cotangent)[0]

    def kernel_gradient(x, cotangent, window, groups):
        shape = (*window.size, x.shape[-1] // groups, cotangent.shape[-1])
        _, transpose = jax.vjp(lambda kernel: forward(x, kernel, window, groups), lax.full(shape, 0, x.dtype))
        return transpose(cotangent)[0]

    return Lowering(forward, input_gradient, kernel_gradient)


def _forward(x: jax.Array, kernel: jax.Array, window: Window, groups: int) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window.strides,
        window.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


XLA = transposed(_forward)
