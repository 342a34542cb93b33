"""The normalization statistics, measured on training examples."""

from typing import NamedTuple

import jax
import numpy as np

Array = jax.Array | np.ndarray  # on devices, or on the host before the transfer


class Statistics(NamedTuple):
    """Statistics of the training images for normalization and colour augmentation, in units of pixel values 0 to 255.

    Attributes:
      mean: subtracted from the image; float32 [C], or [H, W, C] for a mean image.
      scale: divisor, after subtracting the mean; float32 [C].
      color_components: float32 [C, C]; each column is a principal component of the colours times its eigenvalue.
      fill: values that replace missing features (NaN); float32 [C], or None if no value may be missing.
      low, high: bounds to which features are winsorized; float32 [C], or None.
    """

    mean: Array
    scale: Array
    color_components: Array
    fill: Array | None = None
    low: Array | None = None
    high: Array | None = None
