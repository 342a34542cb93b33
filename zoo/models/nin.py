"""Network in network: Lin, Chen, Yan 2014, "Network In Network".

`nin_cifar` is the network for CIFAR-10 of section 4: three convolutions, each followed by a two-layer perceptron
applied to every pixel. These are 1x1 convolutions, called cccp (cascaded cross-channel parametric pooling) in the
authors' Caffe definition. The paper gives no widths and has only max pools; the widths, windows, the second pool, which
is an average pool, and the initialization are from that definition. As in Caffe, the last window of a pool may extend
past the edge.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, AvgPool, Conv, MaxPool
from zoo.layers.initializers import Gaussian
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry


class NiN(nn.Module):
    """Network in network: 966,986 parameters for 32x32x3 images and 10 classes.

    Weights are initialized as in the authors' definition: Gaussian with standard deviation 0.05; biases are zero.
    Logits are means of ReLU outputs, and therefore never negative.

    Attributes:
      num_classes: logits.
      dropout: rate on the outputs of pool1 and pool2.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 4

    num_classes: int = 10
    dropout: float = 0.5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("NiN", images, self.smallest)
        gaussian = Gaussian(0.05)
        dropout = functools.partial(nn.Dropout, self.dropout, deterministic=not train)

        def conv(features, size, x, name):
            layer = Conv(features, size, padding=size // 2, kernel_init=gaussian, dtype=self.dtype, name=name)
            return nn.relu(layer(x))

        x = conv(192, 5, images, name="conv1")
        x = conv(160, 1, x, name="cccp1")
        x = conv(96, 1, x, name="cccp2")
        x = MaxPool(3, 2, padding="CEIL", name="pool1")(x)
        x = dropout(name="drop1")(x)
        x = conv(192, 5, x, name="conv2")
        x = conv(192, 1, x, name="cccp3")
        x = conv(192, 1, x, name="cccp4")
        x = AvgPool(3, 2, padding="CEIL", count_include_pad=False, name="pool2")(x)
        x = dropout(name="drop2")(x)
        x = conv(192, 3, x, name="conv3")
        x = conv(192, 1, x, name="cccp5")
        x = conv(self.num_classes, 1, x, name="cccp6")
        return AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]


MODELS = {
    "nin_cifar": Entry(
        NiN,
        input_shape=(32, 32, 3),
        paper="Lin et al. 2014, arXiv:1312.4400",
        num_classes=10,
        layouts={"torch": Layout()},
    ),
}
