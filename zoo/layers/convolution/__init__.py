"""The convolution that layers call."""

import jax

from zoo.layers.convolution.xla import XLA
from zoo.layers.lowering import is_fast
from zoo.layers.window import Window


def convolution(x: jax.Array, kernel: jax.Array, window: Window, groups: int = 1) -> jax.Array:
    """A 2-D cross-correlation: `lax.conv_general_dilated`, or `fast.convolution` where that was chosen.

    Args:
      x: images [N, H, W, C].
      kernel: [kh, kw, C / groups, features], the same dtype as `x`.
      window: strides and padding; its size is the kernel's.
      groups: input and output channels are cut into this many parts that do not see each other.

    Returns:
      [N, H', W', features] in the dtype of `x`.
    """
    if is_fast():
        from zoo.layers.convolution import fast  # not before: it leans on parts of JAX that may change

        return fast.convolution(x, kernel, window, groups)
    return XLA.forward(x, kernel, window, groups)
