"""MobileNet v1 and v2: depthwise separable convolutions, in v2 with inverted residuals.

`mobilenet_v1` is table 1 of Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam 2017, "MobileNets: Efficient
Convolutional Neural Networks for Mobile Vision Applications". That table gives stride 2 for the last depthwise
convolution, but its input and its output are 7x7, so the stride is 1. Keras has the same network, with ReLU6 where the
paper (figure 3) has ReLU (`relu6=True` selects it), and with dropout of 0.001 before the last layer, which the paper
does not mention. What the paper leaves open is as in Keras: no biases but the last layer's, "SAME" padding (of images
of odd size, Keras pads only the bottom and the right), and batch normalization with epsilon 1e-3 and momentum 0.99.
timm's `mobilenetv1_100` is the same with `pad_type="same", bn_eps=1e-3, act_layer="relu"`; by default, as its trained
weights require, it pads one pixel on each side, and has 1e-5 and ReLU6.

`mobilenet_v2` is table 2 of Sandler, Howard, Zhu, Zhmoginov, Chen 2018, "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", as in torchvision: the first bottleneck, whose expansion factor is 1, has no expanding convolution, and
there is dropout before the last layer. Convolutions pad one pixel on each side, and epsilon is 1e-5; in Keras, strided
convolutions pad only the bottom and the right of images of even size, and epsilon is 1e-3.
"""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, ConvBN, SqueezeExcite
from zoo.layers.initializers import Gaussian, VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import KERAS, KERAS_DEPTHWISE, Layout
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

HE_FAN_OUT = VarianceScaling(2.0, "fan_out", "normal")
GAUSSIAN = Gaussian(0.01)


TABLE_1 = (  # of Howard et al.: channels, stride of the depthwise convolution
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip


class SeparableConv(nn.Module):
    """Depthwise separable convolution: 3x3 depthwise, then 1x1 (MobileNetV1, figure 3).

    Attributes:
      features: output channels.
      strides: of the depthwise convolution.
      conv: makes a `ConvBN` from features, kernel size, and a name.
    """

    features: int
    strides: int
    conv: Callable

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        channels = x.shape[-1]
        x = self.conv(channels, 3, strides=self.strides, groups=channels, name="depthwise")(x, train)
        return self.conv(self.features, 1, name="pointwise")(x, train)


class MobileNetV1(nn.Module):
    """MobileNetV1 of width 1: 4,231,976 parameters for 224-pixel images and 1000 classes.

    The paper does not specify the initialization; here it is that of `MobileNetV2`.

    Attributes:
      num_classes: logits.
      relu6: whether activations are ReLU6 instead of ReLU.
      momentum: decay rate of the running statistics. A run of a few hundred steps needs a smaller one, since otherwise
        evaluation is still influenced by their initial values.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    relu6: bool = False
    momentum: float = 0.99
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("MobileNetV1", images, self.smallest)
        conv = functools.partial(
            ConvBN,
            activation=nn.relu6 if self.relu6 else nn.relu,
            epsilon=1e-3,
            momentum=self.momentum,
            kernel_init=HE_FAN_OUT,
            dtype=self.dtype,
        )
        x = conv(32, 3, strides=2, name="conv1")(images, train)
        for number, (features, strides) in enumerate(TABLE_1, start=1):
            x = SeparableConv(features, strides, conv, name=f"block{number}")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=GAUSSIAN, dtype=self.dtype, name="fc")(x)


class InvertedResidual(nn.Module):
    """Inverted residual block: expansion, depthwise convolution, and linear projection (MobileNetV2, figure 3).

    Sublayers: `expand`, unless the expanded width is that of the input; `depthwise`; optionally `squeeze`; and
    `project`, which has no activation. The input is added if its shape equals the output's.

    Attributes:
      features: output channels.
      expanded: channels after expansion.
      conv: makes a `ConvBN` from features, kernel size, and a name.
      kernel_size: of the depthwise convolution.
      strides: of the depthwise convolution.
      squeeze: channels in the middle of squeeze-and-excitation, whose gate is a hard sigmoid (MobileNetV3); 0 for none.
    """

    features: int
    expanded: int
    conv: Callable
    kernel_size: int = 3
    strides: int = 1
    squeeze: int = 0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = x
        if self.expanded != x.shape[-1]:
            y = self.conv(self.expanded, 1, name="expand")(y, train)
        y = self.conv(
            self.expanded,
            self.kernel_size,
            strides=self.strides,
            padding=self.kernel_size // 2,
            groups=self.expanded,
            name="depthwise",
        )(y, train)
        if self.squeeze:
            y = SqueezeExcite(
                self.squeeze, gate=nn.hard_sigmoid, kernel_init=HE_FAN_OUT, dtype=y.dtype, name="squeeze"
            )(y)
        y = self.conv(self.features, 1, activation=jax.nn.identity, name="project")(y, train)
        return x + y if self.strides == 1 and x.shape[-1] == self.features else y


TABLE_2 = (  # of Sandler et al.: expansion factor t, channels c, repetitions n, stride s of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class MobileNetV2(nn.Module):
    """MobileNetV2 of width 1: 3,504,872 parameters for 224-pixel images and 1000 classes.

    As in torchvision, kernels of convolutions are initialized after He et al. 2015: normal with variance 2 / fan_out;
    the last layer's is normal with standard deviation 0.01, and its bias is zero.

    Attributes:
      num_classes: logits.
      dropout: rate on the inputs of the last layer.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    dropout: float = 0.2
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("MobileNetV2", images, self.smallest)
        conv = functools.partial(ConvBN, activation=nn.relu6, kernel_init=HE_FAN_OUT, dtype=self.dtype)
        x = conv(32, 3, strides=2, padding=1, name="conv1")(images, train)
        number = 0
        for expansion, features, repetitions, strides in TABLE_2:
            for repetition in range(repetitions):
                number += 1
                x = InvertedResidual(
                    features,
                    expansion * x.shape[-1],
                    conv,
                    strides=strides if repetition == 0 else 1,
                    name=f"block{number}",
                )(x, train)
        x = conv(1280, 1, name="conv2")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        return nn.Dense(self.num_classes, kernel_init=GAUSSIAN, dtype=self.dtype, name="fc")(x)


def _keras_v1():
    layers = {"conv1/conv": "conv1", "conv1/bn": "conv1_bn"}
    for number in range(1, len(TABLE_1) + 1):
        for ours, theirs in (("depthwise", f"conv_dw_{number}"), ("pointwise", f"conv_pw_{number}")):
            layers |= {f"block{number}/{ours}/conv": theirs, f"block{number}/{ours}/bn": f"{theirs}_bn"}
    return Layout(
        layers={**layers, "fc": "conv_preds"},
        axes=(("/depthwise/conv/kernel$", KERAS_DEPTHWISE), ("^fc/kernel$", (None, None, 0, 1))),
        options={"relu6": True},
        framework=KERAS,
        preprocessing=preprocessing.keras(224, "tf"),
    )


TORCHVISION_V2 = Layout(
    (
        (r"^conv1", "features/0"),
        (r"^conv2", "features/18"),
        (r"^block1/depthwise", "features/1/conv/0"),
        (r"^block1/project/conv$", "features/1/conv/1"),
        (r"^block1/project/bn$", "features/1/conv/2"),
        (r"^block(\d+)/expand", r"features/\1/conv/0"),
        (r"^block(\d+)/depthwise", r"features/\1/conv/1"),
        (r"^block(\d+)/project/conv$", r"features/\1/conv/2"),
        (r"^block(\d+)/project/bn$", r"features/\1/conv/3"),
        (r"^block(\d+)$", r"features/\1"),
        (r"/conv$", "/0"),
        (r"/bn$", "/1"),
        (r"^drop$", "classifier/0"),
        (r"^fc$", "classifier/1"),
    ),
    preprocessing=Preprocessing(232),
)

# timm groups the blocks into stages, one for each image size.
_STAGES = (1, 2, 2, 6, 2)
_BLOCKS = [(stage, block) for stage, blocks in enumerate(_STAGES) for block in range(blocks)]
TIMM_V1 = Layout(
    (
        *((rf"^block{number}(?=/|$)", f"blocks.{stage}.{block}") for number, (stage, block) in enumerate(_BLOCKS, 1)),
        ("/depthwise/conv", "/conv_dw"), ("/depthwise/bn", "/bn1"), ("/pointwise/conv", "/conv_pw"),
        ("/pointwise/bn", "/bn2"), ("^conv1/conv", "conv_stem"), ("^conv1/bn", "bn1"), ("^avgpool", "global_pool"),
        ("^fc$", "classifier"),
    ),
    preprocessing=preprocessing.timm(224, 0.875),
)  # fmt: skip

MODELS = {
    "mobilenet_v1": Entry(
        MobileNetV1,
        input_shape=(224, 224, 3),
        paper="Howard et al. 2017",
        layouts={"timm": TIMM_V1, "keras": _keras_v1()},
    ),
    "mobilenet_v2": Entry(
        MobileNetV2,
        input_shape=(224, 224, 3),
        paper="Sandler et al. 2018",
        layouts={"torchvision": TORCHVISION_V2},
    ),
}
