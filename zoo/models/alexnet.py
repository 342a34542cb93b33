"""AlexNet: Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks".

`alexnet` is the network of section 3.5 and figure 2. The paper's split over two GPUs corresponds to the two groups of
conv2, conv4 and conv5. Figure 2 says 224 pixels, but 55x55 outputs of an unpadded 11x11 window with stride 4 require
227.

`alexnet_owt` is the network of Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", as
in torchvision: no groups, no response normalization, fewer kernels, and dropout before fc6 and fc7.
"""

import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv, LocalResponseNorm, MaxPool
from zoo.layers.initializers import Gaussian, torch_bias, torch_kernel
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.registry import Entry


class AlexNet(nn.Module):
    """AlexNet 2012: 60,965,224 parameters for 227x227x3 images and 1000 classes.

    Weights are initialized as in section 5: Gaussian with standard deviation 0.01; biases are one in conv2, conv4,
    conv5, fc6 and fc7, and zero elsewhere. In the first few hundred steps of training from this initialization, the
    loss stays at ln(num_classes); see `recipes/alexnet.py`.

    Attributes:
      num_classes: logits.
      dropout: rate on the outputs of fc6 and fc7.
      hidden: width of fc6 and fc7.
      padding: of conv1; "SAME", a common mistake, gives 57x57 outputs instead of figure 2's 55x55.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 67

    num_classes: int = 1000
    dropout: float = 0.5
    hidden: int = 4096
    padding: str = "VALID"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("AlexNet", images, self.smallest)
        gaussian = Gaussian(0.01)
        ones = nn.initializers.ones
        conv = functools.partial(Conv, dtype=self.dtype, kernel_init=gaussian)
        dense = functools.partial(nn.Dense, dtype=self.dtype, kernel_init=gaussian)
        dropout = functools.partial(nn.Dropout, self.dropout, deterministic=not train)

        x = conv(96, 11, strides=4, padding=self.padding, name="conv1")(images)
        x = LocalResponseNorm(name="norm1")(nn.relu(x))
        x = MaxPool(3, 2, name="pool1")(x)
        x = conv(256, 5, padding=2, groups=2, bias_init=ones, name="conv2")(x)
        x = LocalResponseNorm(name="norm2")(nn.relu(x))
        x = MaxPool(3, 2, name="pool2")(x)
        x = nn.relu(conv(384, 3, padding=1, name="conv3")(x))
        x = nn.relu(conv(384, 3, padding=1, groups=2, bias_init=ones, name="conv4")(x))
        x = nn.relu(conv(256, 3, padding=1, groups=2, bias_init=ones, name="conv5")(x))
        x = MaxPool(3, 2, name="pool5")(x)
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        x = nn.relu(dense(self.hidden, bias_init=ones, name="fc6")(x))
        x = dropout(name="drop6")(x)
        x = nn.relu(dense(self.hidden, bias_init=ones, name="fc7")(x))
        x = dropout(name="drop7")(x)
        return dense(self.num_classes, name="fc8")(x)


class AlexNetOWT(nn.Module):
    """The "one weird trick" AlexNet: 61,100,840 parameters; weights have PyTorch's default initialization.

    Attributes: as in `AlexNet`; dropout is on the inputs of fc6 and fc7.
    """

    smallest: ClassVar[int] = 63

    num_classes: int = 1000
    dropout: float = 0.5
    hidden: int = 4096
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("AlexNet (one weird trick)", images, self.smallest)
        dropout = functools.partial(nn.Dropout, self.dropout, deterministic=not train)

        def conv(features, size, x, name, **window):
            bias_init = torch_bias(size * size * x.shape[-1])
            layer = Conv(
                features, size, **window, kernel_init=torch_kernel(), bias_init=bias_init, dtype=self.dtype, name=name
            )
            return nn.relu(layer(x))

        def dense(features, x, name):
            bias_init = torch_bias(x.shape[-1])
            return nn.Dense(features, kernel_init=torch_kernel(), bias_init=bias_init, dtype=self.dtype, name=name)(x)

        x = conv(64, 11, images, strides=4, padding=2, name="conv1")
        x = MaxPool(3, 2, name="pool1")(x)
        x = conv(192, 5, x, padding=2, name="conv2")
        x = MaxPool(3, 2, name="pool2")(x)
        x = conv(384, 3, x, padding=1, name="conv3")
        x = conv(256, 3, x, padding=1, name="conv4")
        x = conv(256, 3, x, padding=1, name="conv5")
        x = MaxPool(3, 2, name="pool5")(x)
        x = AdaptiveAvgPool(6, name="avgpool")(x)  # identity for 224 pixels
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        x = dropout(name="drop6")(x)
        x = nn.relu(dense(self.hidden, x, name="fc6"))
        x = dropout(name="drop7")(x)
        x = nn.relu(dense(self.hidden, x, name="fc7"))
        return dense(self.num_classes, x, name="fc8")


TORCHVISION_OWT = Layout(
    (
        ("conv1", "features.0"), ("pool1", "features.2"), ("conv2", "features.3"), ("pool2", "features.5"),
        ("conv3", "features.6"), ("conv4", "features.8"), ("conv5", "features.10"), ("pool5", "features.12"),
        ("drop6", "classifier.0"), ("fc6", "classifier.1"), ("drop7", "classifier.3"), ("fc7", "classifier.4"),
        ("fc8", "classifier.6"),
    ),
    flattened={"fc6": 256},
    preprocessing=preprocessing.TORCHVISION,
)  # fmt: skip

MODELS = {
    "alexnet": Entry(
        AlexNet,
        input_shape=(227, 227, 3),
        paper="Krizhevsky et al. 2012",
        layouts={"torch": Layout(flattened={"fc6": 256})},
    ),
    "alexnet_owt": Entry(
        AlexNetOWT,
        input_shape=(224, 224, 3),
        paper="Krizhevsky 2014, arXiv:1404.5997",
        layouts={"torchvision": TORCHVISION_OWT},
    ),
}
