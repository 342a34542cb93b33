"""The convolution function used by layers."""

import jax

from zoo.layers.convolution.xla import XLA
from zoo.layers.lowering import is_fast
from zoo.layers.window import Window


def convolution(x: jax.Array, kernel: jax.Array, window: Window, groups: int = 1) -> jax.Array:
    """Computes a 2-D cross-correlation, by `lax.conv_general_dilated` or, if selected, by `fast.convolution`.

    Args:
      x: images [N, H, W, C].
      kernel: [kh, kw, C / groups, features], of the same dtype as `x`.
      window: strides and padding; its size is the kernel's.
      groups: number of independent groups that input and output channels are split into.

    Returns:
      [N, H', W', features] in the dtype of `x`.
    """
    if is_fast():
        from zoo.layers.convolution import fast  # imported here: it uses unstable interfaces of JAX

        return fast.convolution(x, kernel, window, groups)
    return XLA.forward(x, kernel, window, groups)
