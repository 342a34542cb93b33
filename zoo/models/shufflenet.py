"""ShuffleNet V2: Ma, Zhang, Zheng, Sun 2018, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture
Design".

`shufflenet_v2_x1_0` is the column 1x of table 5, as in torchvision.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, ConvBN, MaxPool
from zoo.layers.initializers import torch_bias, torch_kernel
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.registry import Entry


def shuffle(left: jax.Array, right: jax.Array) -> jax.Array:
    """Concatenates two halves of the channels and interleaves them: one of the left, one of the right, and so on."""
    return jnp.stack([left, right], axis=-1).reshape(*left.shape[:-1], 2 * left.shape[-1])


class ShuffleUnit(nn.Module):
    """ShuffleNet V2 unit: with stride 1 figure 3c, which passes half of the channels through; with stride 2 figure 3d.

    Attributes:
      features: output channels; with stride 1 also the input channels.
      strides: of the depthwise convolutions.
      dtype: of the computation.
    """

    features: int
    strides: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        half = self.features // 2
        conv = functools.partial(ConvBN, kernel_init=torch_kernel(), dtype=self.dtype)

        def pointwise(x, name):
            return conv(half, 1, name=name)(x, train)

        def depthwise(x, name):
            layer = conv(
                x.shape[-1], 3, self.strides, padding=1, groups=x.shape[-1], activation=jax.nn.identity, name=name
            )
            return layer(x, train)

        if self.strides == 1:
            left, right = jnp.split(x, 2, axis=-1)
        else:
            left, right = pointwise(depthwise(x, "branch1_conv1"), "branch1_conv2"), x
        right = depthwise(pointwise(right, "branch2_conv1"), "branch2_conv2")
        return shuffle(left, pointwise(right, "branch2_conv3"))


class ShuffleNetV2(nn.Module):
    """ShuffleNet V2: 2,278,604 parameters for 224-pixel images and 1000 classes, with the channels of column 1x.

    Weights have PyTorch's default initialization, as in torchvision; the paper does not specify it.

    Attributes:
      num_classes: logits.
      channels: output channels of conv1, stages 2 to 4, and conv5.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    channels: tuple[int, int, int, int, int] = (24, 116, 232, 464, 1024)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ShuffleNet V2", images, self.smallest)
        conv = functools.partial(ConvBN, kernel_init=torch_kernel(), dtype=self.dtype)
        first, *stages, last = self.channels
        x = conv(first, 3, strides=2, padding=1, name="conv1")(images, train)
        x = MaxPool(3, 2, padding=1, name="maxpool")(x)
        for stage, features, repetitions in zip((2, 3, 4), stages, (4, 8, 4), strict=True):
            for repetition in range(repetitions):
                strides = 2 if repetition == 0 else 1
                x = ShuffleUnit(features, strides, self.dtype, name=f"stage{stage}_{repetition}")(x, train)
        x = conv(last, 1, name="conv5")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(
            self.num_classes, kernel_init=torch_kernel(), bias_init=torch_bias(last), dtype=self.dtype, name="fc"
        )(x)


TORCHVISION = Layout(
    (
        (r"^(stage\d)_(\d)", r"\1/\2"),
        (r"branch1_conv2/conv$", "branch1/2"),
        (r"branch1_conv2/bn$", "branch1/3"),
        (r"branch2_conv2/conv$", "branch2/3"),
        (r"branch2_conv2/bn$", "branch2/4"),
        (r"branch2_conv3/conv$", "branch2/5"),
        (r"branch2_conv3/bn$", "branch2/6"),
        (r"(branch\d)_conv1/", r"\1/"),
        (r"/conv$", "/0"),
        (r"/bn$", "/1"),
    ),
    preprocessing=preprocessing.TORCHVISION,
)

MODELS = {
    "shufflenet_v2_x1_0": Entry(
        ShuffleNetV2,
        input_shape=(224, 224, 3),
        paper="Ma et al. 2018",
        options={"channels": (24, 116, 232, 464, 1024)},
        layouts={"torchvision": TORCHVISION},
    ),
}
