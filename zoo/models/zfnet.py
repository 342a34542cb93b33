"""ZFNet: Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks".

`zfnet` is the network of figure 3: AlexNet with smaller windows and strides in conv1 and conv2, and no groups. The
figure gives sizes (110, 55, 26, 13, 13, 13 and 6 pixels) but no padding. One pixel on every side of conv1, pool1 and
pool2, and none at conv2 and pool5, gives these sizes for 224 pixels.

The paper gives no constants for the contrast normalization across maps; they are AlexNet's.
"""

import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import Conv, LocalResponseNorm, MaxPool
from zoo.layers.initializers import Gaussian
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry


class ZFNet(nn.Module):
    """ZFNet: 62,357,608 parameters for 224x224x3 images and 1000 classes.

    Section 3.1 says that weights are "initialized to 10^-2", which is interpreted as the standard deviation of a
    Gaussian; biases are zero.

    Attributes:
      num_classes: logits.
      dropout: rate on the outputs of fc6 and fc7.
      hidden: width of fc6 and fc7.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 53

    num_classes: int = 1000
    dropout: float = 0.5
    hidden: int = 4096
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ZFNet", images, self.smallest)
        gaussian = Gaussian(0.01)
        conv = functools.partial(Conv, dtype=self.dtype, kernel_init=gaussian)
        dense = functools.partial(nn.Dense, dtype=self.dtype, kernel_init=gaussian)
        dropout = functools.partial(nn.Dropout, self.dropout, deterministic=not train)

        x = nn.relu(conv(96, 7, strides=2, padding=1, name="conv1")(images))
        x = MaxPool(3, 2, padding=1, name="pool1")(x)
        x = LocalResponseNorm(name="norm1")(x)
        x = nn.relu(conv(256, 5, strides=2, padding="VALID", name="conv2")(x))
        x = MaxPool(3, 2, padding=1, name="pool2")(x)
        x = LocalResponseNorm(name="norm2")(x)
        x = nn.relu(conv(384, 3, padding=1, name="conv3")(x))
        x = nn.relu(conv(384, 3, padding=1, name="conv4")(x))
        x = nn.relu(conv(256, 3, padding=1, name="conv5")(x))
        x = MaxPool(3, 2, name="pool5")(x)
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        x = nn.relu(dense(self.hidden, name="fc6")(x))
        x = dropout(name="drop6")(x)
        x = nn.relu(dense(self.hidden, name="fc7")(x))
        x = dropout(name="drop7")(x)
        return dense(self.num_classes, name="fc8")(x)


MODELS = {
    "zfnet": Entry(
        ZFNet,
        input_shape=(224, 224, 3),
        paper="Zeiler & Fergus 2014, arXiv:1311.2901",
        layouts={"torch": Layout(flattened={"fc6": 256})},
    ),
}
