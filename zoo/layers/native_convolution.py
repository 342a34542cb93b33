"""XLA's own convolution."""

import jax
from jax import lax

from zoo.layers.window import Window


def native_convolution(x: jax.Array, kernel: jax.Array, window: Window, groups: int = 1) -> jax.Array:
    """The convolution as one operation of XLA's; see `zoo.layers.conv.convolution` for shapes."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window.strides,
        window.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
