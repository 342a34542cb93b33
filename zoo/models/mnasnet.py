"""MnasNet: Tan, Chen, Pang, Vasudevan, Sandler, Howard, Le 2019, "MnasNet: Platform-Aware Neural Architecture Search
for Mobile".

`mnasnet1_0` is torchvision's, the network that is called MnasNet-B1 in the authors' code: without
squeeze-and-excitation. Figure 7 of the paper shows MnasNet-A1, which has it in some of its blocks, and different
numbers of layers and channels.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, ConvBN
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.mobilenet import HE_FAN_OUT, InvertedResidual
from zoo.models.registry import Entry

BLOCKS = (  # kernel size, expansion factor, channels, repetitions, stride of the first
    (3, 1, 16, 1, 1),  # a separable convolution, without expansion
    (3, 3, 24, 3, 2),
    (5, 3, 40, 3, 2),
    (5, 6, 80, 3, 2),
    (3, 6, 96, 2, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)


class MnasNet(nn.Module):
    """MnasNet-B1 of width 1: 4,383,312 parameters for 224-pixel images and 1000 classes.

    As in torchvision, kernels of convolutions are initialized after He et al. 2015: normal with variance 2 / fan_out;
    the last layer's is uniform with variance 1 / fan_out, and its bias is zero.

    Attributes:
      num_classes: logits.
      dropout: rate on the inputs of the last layer.
      momentum: decay rate of the running statistics. With torchvision's 0.9997 it takes 10,000 steps for the influence
        of their initial values to decay to 5%.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    dropout: float = 0.2
    momentum: float = 0.9997
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("MnasNet", images, self.smallest)
        conv = functools.partial(ConvBN, momentum=self.momentum, kernel_init=HE_FAN_OUT, dtype=self.dtype)
        x = conv(32, 3, strides=2, padding=1, name="conv1")(images, train)
        for stage, (size, expansion, features, repetitions, strides) in enumerate(BLOCKS, start=1):
            for repetition in range(repetitions):
                x = InvertedResidual(
                    features,
                    expansion * x.shape[-1],
                    conv,
                    kernel_size=size,
                    strides=strides if repetition == 0 else 1,
                    name=f"layer{stage}_{repetition}",
                )(x, train)
        x = conv(1280, 1, name="conv2")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        uniform = VarianceScaling(1.0, "fan_out", "uniform")
        return nn.Dense(self.num_classes, kernel_init=uniform, dtype=self.dtype, name="fc")(x)


TORCHVISION = Layout(
    (
        (r"^conv1/conv$", "layers/0"),
        (r"^conv1/bn$", "layers/1"),
        (r"^layer1_0/", ""),
        *((rf"^layer{stage}_", f"layers/{stage + 6}/") for stage in range(2, 8)),
        (r"expand/conv$", "layers/0"),
        (r"expand/bn$", "layers/1"),
        (r"depthwise/conv$", "layers/3"),
        (r"depthwise/bn$", "layers/4"),
        (r"project/conv$", "layers/6"),
        (r"project/bn$", "layers/7"),
        (r"^conv2/conv$", "layers/14"),
        (r"^conv2/bn$", "layers/15"),
        (r"^drop$", "classifier/0"),
        (r"^fc$", "classifier/1"),
    ),
    preprocessing=preprocessing.TORCHVISION,
)

MODELS = {
    "mnasnet1_0": Entry(
        MnasNet,
        input_shape=(224, 224, 3),
        paper="Tan et al. 2019",
        layouts={"torchvision": TORCHVISION},
    ),
}
