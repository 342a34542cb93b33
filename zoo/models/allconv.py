"""All convolutional nets: Springenberg et al. 2015, "Striving for Simplicity: The All Convolutional Net".

`all_cnn_c` is All-CNN-C for CIFAR-10: base network C of table 1 with convolutions of stride 2 (conv3 and conv6) instead
of pools, as in table 2. The tables give no padding, and average over 6x6 pixels at the end; here every 3x3 convolution
is padded by one pixel, which gives 8x8. 6x6 would require conv7 without padding. Parameters are the same.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry


class AllCNNC(nn.Module):
    """All-CNN-C: 1,369,738 parameters for 32x32x3 images and 10 classes.

    The paper does not specify the initialization: here kernels are Gaussian with variance 2 / fan_in (He et al. 2015),
    and biases zero. Logits are means of ReLU outputs, and therefore never negative.

    Attributes:
      num_classes: logits.
      input_dropout: rate on the images.
      dropout: rate on the outputs of conv3 and conv6.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 10
    input_dropout: float = 0.2
    dropout: float = 0.5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("All-CNN-C", images, self.smallest)
        he_normal = VarianceScaling(2.0, "fan_in", "normal")
        dropout = functools.partial(nn.Dropout, deterministic=not train)

        def conv(features, size, x, name, strides=1):
            layer = Conv(features, size, strides, padding=size // 2, kernel_init=he_normal, dtype=self.dtype, name=name)
            return nn.relu(layer(x))

        x = dropout(self.input_dropout, name="drop0")(images)
        x = conv(96, 3, x, name="conv1")
        x = conv(96, 3, x, name="conv2")
        x = conv(96, 3, x, strides=2, name="conv3")
        x = dropout(self.dropout, name="drop1")(x)
        x = conv(192, 3, x, name="conv4")
        x = conv(192, 3, x, name="conv5")
        x = conv(192, 3, x, strides=2, name="conv6")
        x = dropout(self.dropout, name="drop2")(x)
        x = conv(192, 3, x, name="conv7")
        x = conv(192, 1, x, name="conv8")
        x = conv(self.num_classes, 1, x, name="conv9")
        return AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]


MODELS = {
    "all_cnn_c": Entry(
        AllCNNC,
        input_shape=(32, 32, 3),
        paper="Springenberg et al. 2015, arXiv:1412.6806",
        num_classes=10,
        layouts={"torch": Layout()},
    ),
}
