"""ResNet-9 for CIFAR-10: Page 2018, "How to Train Your ResNet", and his repository davidcpage/cifar10-fast.

Eight 3x3 convolutions in sequence with four pools, two residual pairs of convolutions among them, and a linear layer,
designed to be trained to 94 % in as few seconds as possible on a GPU, for Stanford's DAWNBench. A residual pair adds
the output of its last ReLU, and no layer follows the sum. Logits are divided by eight, which keeps the softmax from
saturating.
"""

import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import MaxPool
from zoo.layers.blocks import ConvBN
from zoo.layers.initializers import torch_kernel
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry


class ResNet9(nn.Module):
    """ResNet-9: 6,573,120 parameters for 32x32x3 images and 10 classes.

    Weights have PyTorch's default initialization.

    Attributes:
      num_classes: logits.
      width: features of the first layer; the others have 2, 4 and 8 times as many.
      logit_scale: factor on the logits.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 32

    num_classes: int = 10
    width: int = 64
    logit_scale: float = 0.125
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ResNet-9", images, self.smallest)
        layer = functools.partial(ConvBN, kernel_size=3, padding=1, kernel_init=torch_kernel(), dtype=self.dtype)

        def pair(x, name):
            y = layer(x.shape[-1], name=f"{name}_1")(x, train)
            return x + layer(x.shape[-1], name=f"{name}_2")(y, train)

        x = layer(self.width, name="prep")(images, train)
        x = MaxPool(2, 2, name="pool1")(layer(2 * self.width, name="layer1")(x, train))
        x = pair(x, "residual1")
        x = MaxPool(2, 2, name="pool2")(layer(4 * self.width, name="layer2")(x, train))
        x = MaxPool(2, 2, name="pool3")(layer(8 * self.width, name="layer3")(x, train))
        x = pair(x, "residual3")
        x = MaxPool(4, 4, name="pool4")(x)
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        fc = nn.Dense(self.num_classes, use_bias=False, kernel_init=torch_kernel(), dtype=self.dtype, name="fc")
        return self.logit_scale * fc(x)


MODELS = {
    "resnet9": Entry(
        ResNet9,
        input_shape=(32, 32, 3),
        paper="Page 2018, How to Train Your ResNet",
        num_classes=10,
        layouts={"torch": Layout(flattened={"fc": 512})},
    )
}
