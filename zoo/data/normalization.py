"""The constants of normalization, which are measured on training images."""

from typing import NamedTuple

import jax
import numpy as np

Array = jax.Array | np.ndarray  # on devices, or on the host before it goes there


class Statistics(NamedTuple):
    """What normalization and colour augmentation know of the training images, all in pixel values from 0 to 255.

    Attributes:
      mean: subtracted; float32 [C], or [H, W, C] for a mean image.
      scale: divided by; float32 [C].
      color_components: float32 [C, C], a principal component of the colours a column, times its eigenvalue.
      fill: what stands for missing features, which are NaN; float32 [C], or None where there may be none.
      low, high: bounds to which features are winsorized; float32 [C], or None for none.
    """

    mean: Array
    scale: Array
    color_components: Array
    fill: Array | None = None
    low: Array | None = None
    high: Array | None = None
