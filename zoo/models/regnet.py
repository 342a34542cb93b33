"""RegNet: Radosavovic, Kosaraju, Girshick, He, Dollar 2020, "Designing Network Design Spaces".

`regnet_y_400mf` is RegNetY-400MF of the paper's appendix, as in torchvision. Widths and depths of the stages are those
that equations 2 to 4 give for 16 blocks, w_0 = 48, w_a = 27.89 and w_m = 2.09.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, ConvBN, SqueezeExcite
from zoo.layers.initializers import Gaussian, VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

CONV_INIT = VarianceScaling(2.0, "fan_out", "normal")


class YBlock(nn.Module):
    """Y block: 1x1, grouped 3x3, squeeze-and-excitation, 1x1, without a bottleneck, added to the input.

    Attributes:
      features: output channels.
      strides: of the 3x3 convolution, in pixels.
      group_width: channels per group.
      dtype: of the computation.
    """

    features: int
    strides: int
    group_width: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        conv = functools.partial(ConvBN, self.features, kernel_init=CONV_INIT, dtype=self.dtype)
        y = conv(1, padding=0, name="conv1")(x, train)
        y = conv(3, strides=self.strides, padding=1, groups=self.features // self.group_width, name="conv2")(y, train)
        y = SqueezeExcite(round(x.shape[-1] / 4), kernel_init=CONV_INIT, dtype=self.dtype, name="se")(y)
        y = conv(1, padding=0, activation=lambda x: x, name="conv3")(y, train)
        if x.shape != y.shape:
            x = conv(1, strides=self.strides, padding=0, activation=lambda x: x, name="shortcut")(x, train)
        return nn.relu(x + y)


class RegNetY(nn.Module):
    """RegNetY: 4,344,144 parameters for 1000 classes in RegNetY-400MF.

    As in torchvision, kernels of convolutions are initialized from a Gaussian with variance 2 / fan_out, the kernel of
    the last layer with standard deviation 0.01. Biases are zero; in torchvision, those of squeeze-and-excitation have
    PyTorch's default initialization.

    Attributes:
      num_classes: logits.
      depths: blocks of the four stages.
      widths: channels of the four stages.
      group_width: channels per group in the 3x3 convolutions.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    depths: tuple[int, ...] = (1, 3, 6, 6)
    widths: tuple[int, ...] = (48, 104, 208, 440)
    group_width: int = 8
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("RegNetY", images, self.smallest)
        x = ConvBN(32, 3, strides=2, padding=1, kernel_init=CONV_INIT, dtype=self.dtype, name="stem")(images, train)
        for stage, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), start=1):
            for block in range(depth):
                strides = 2 if block == 0 else 1
                x = YBlock(width, strides, self.group_width, dtype=self.dtype, name=f"stage{stage}_{block}")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=Gaussian(0.01), dtype=self.dtype, name="fc")(x)


TORCHVISION = Layout(
    (
        ("/conv$", ".0"), ("/bn$", ".1"), ("/conv1", "/f.a"), ("/conv2", "/f.b"), ("/conv3", "/f.c"),
        (r"/se\b", "/f.se"), ("/shortcut", "/proj"), (r"^stage(\d)_(\d+)", r"trunk_output.block\1.block\1-\2"),
    ),
    preprocessing=Preprocessing(232),
)  # fmt: skip

MODELS = {
    "regnet_y_400mf": Entry(
        RegNetY,
        input_shape=(224, 224, 3),
        paper="Radosavovic et al. 2020",
        options={"depths": (1, 3, 6, 6), "widths": (48, 104, 208, 440), "group_width": 8},
        layouts={"torchvision": TORCHVISION},
    ),
}
