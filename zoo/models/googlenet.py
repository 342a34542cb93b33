"""GoogLeNet: Szegedy et al. 2015, "Going Deeper with Convolutions".

`googlenet` is the network of table 1: biases, local response normalization, no batch normalization. What the paper
leaves open is as in Caffe's bvlc_googlenet, which was developed with the help of the first author:
- Local response normalization: 5 channels, alpha 1e-4, beta 0.75, k 1. Caffe divides alpha by the number of channels
  and the zoo does not, so alpha is 2e-5 here; with Caffe's weights the network then gives the same outputs as in Caffe.
- Padding: 3 pixels around the first convolution, half a kernel around those with stride 1. Pools with stride 2 are
  padded at the bottom and the right so that the last window fits: 112 pixels become 56, 28, 14 and 7.

torchvision's `googlenet` is another network, `googlenet_bn` in zoo/models/googlenet_bn.py.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, AvgPool, Conv, LocalResponseNorm, MaxPool
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry

# Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class Parts(NamedTuple):
    """Layers that differ between `googlenet` and `googlenet_bn`.

    Attributes:
      conv: creates a convolution with the layers after it, with the constructor and call signatures of `ConvBN`.
      dense: applies a linear layer, with the signature of `dense_layer`.
      norm: creates a local response normalization; None for no normalization.
      kernel: size of the larger kernel in an Inception block, in pixels.
      last_pool: window of the last pool with stride 2, in pixels.
      head_pool: creates the first pool of an auxiliary head.
    """

    conv: Callable
    dense: Callable
    norm: Callable | None
    kernel: int
    last_pool: int
    head_pool: Callable


def dense_layer(
    features: int,
    x: jax.Array,
    name: str,
    relu: bool = False,
    *,
    kernel_init: Callable,
    bias_init: Callable[[int, bool], Callable],
    dtype: Any,
) -> jax.Array:
    """Applies a linear layer and optionally a ReLU; `bias_init` is called with its fan-in and `relu`."""
    x = nn.Dense(features, kernel_init=kernel_init, bias_init=bias_init(x.shape[-1], relu), dtype=dtype, name=name)(x)
    return nn.relu(x) if relu else x


def conv_relu(*arguments: Any, **options: Any) -> Callable[[jax.Array, bool], jax.Array]:
    """Returns a convolution with a bias, followed by a ReLU, with the call signature of `ConvBN`."""
    layer = Conv(*arguments, **options)
    return lambda x, train: nn.relu(layer(x))


def paper_parts(dtype: Any) -> Parts:
    """Returns the parts as in the paper."""
    xavier = VarianceScaling(1.0, "fan_in", "uniform")  # Caffe's "xavier" has variance 1 / fan_in
    constant = nn.initializers.constant
    return Parts(
        conv=functools.partial(conv_relu, kernel_init=xavier, bias_init=constant(0.2), dtype=dtype),
        dense=functools.partial(
            dense_layer,
            kernel_init=xavier,
            bias_init=lambda fan_in, relu: constant(0.2 if relu else 0.0),
            dtype=dtype,
        ),
        norm=functools.partial(LocalResponseNorm, size=5, k=1.0, alpha=1e-4 / 5, beta=0.75),
        kernel=5,
        last_pool=3,
        head_pool=functools.partial(AvgPool, 5, 3),
    )


class Inception(nn.Module):
    """Inception module with four parallel branches (figure 2b).

    Attributes:
      features: numbers of channels, a row of table 1.
      parts: see `Parts`.
    """

    features: tuple[int, ...]
    parts: Parts

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        one, reduce3, three, reduce5, five, proj = self.features
        conv, kernel = self.parts.conv, self.parts.kernel
        branch1 = conv(one, 1, padding=0, name="branch1")(x, train)
        branch2 = conv(reduce3, 1, padding=0, name="branch2_reduce")(x, train)
        branch2 = conv(three, 3, padding=1, name="branch2_conv")(branch2, train)
        branch3 = conv(reduce5, 1, padding=0, name="branch3_reduce")(x, train)
        branch3 = conv(five, kernel, padding=kernel // 2, name="branch3_conv")(branch3, train)
        branch4 = MaxPool(3, 1, padding=1, name="branch4_pool")(x)
        branch4 = conv(proj, 1, padding=0, name="branch4_proj")(branch4, train)
        return jnp.concatenate([branch1, branch2, branch3, branch4], axis=-1)


class AuxHead(nn.Module):
    """Auxiliary classifier (section 5).

    Attributes:
      num_classes: logits.
      dropout: rate on the inputs of the last layer.
      parts: see `Parts`.
    """

    num_classes: int
    dropout: float
    parts: Parts

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = self.parts.head_pool(name="pool")(x)
        x = self.parts.conv(128, 1, padding=0, name="conv")(x, train)
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        x = self.parts.dense(1024, x, name="fc1", relu=True)
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)
        return self.parts.dense(self.num_classes, x, name="fc2")


class GoogLeNet(nn.Module):
    """GoogLeNet 2015: 6,998,552 parameters for 1000 classes; 13,378,280 with auxiliary heads, for 224x224x3 images.

    The paper does not specify the initialization. Here it is that of Caffe's bvlc_googlenet: uniform with variance
    1 / fan_in; biases are 0.2 before a ReLU, and zero before a softmax.

    Attributes:
      num_classes: logits.
      dropout: rate on the inputs of the last layer.
      aux_heads: whether there are two auxiliary classifiers, on the outputs of 4a and 4d. They are only used in
        training: a call then returns (logits, [logits of the first head, logits of the second]). The paper weights
        their losses by 0.3.
      aux_dropout: rate on the inputs of the last layer of a head.
      dtype: of the computation.
    """

    parts = staticmethod(paper_parts)

    num_classes: int = 1000
    dropout: float = 0.4
    aux_heads: bool = False
    aux_dropout: float = 0.7
    dtype: Any = jnp.float32

    @property
    def smallest(self) -> int:
        """Minimum height and width of an image in pixels."""
        return 79 if self.aux_heads else 31

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array | tuple[jax.Array, list[jax.Array]]:
        require_pixels("GoogLeNet", images, self.smallest)
        parts = self.parts(self.dtype)

        x = parts.conv(64, 7, strides=2, padding=3, name="conv1")(images, train)
        x = MaxPool(3, 2, padding="CEIL", name="pool1")(x)
        if parts.norm:
            x = parts.norm(name="norm1")(x)
        x = parts.conv(64, 1, padding=0, name="conv2")(x, train)
        x = parts.conv(192, 3, padding=1, name="conv3")(x, train)
        if parts.norm:
            x = parts.norm(name="norm2")(x)
        x = MaxPool(3, 2, padding="CEIL", name="pool2")(x)
        aux_logits: list[jax.Array] = []
        for block, features in INCEPTION.items():
            x = Inception(features, parts, name=f"inception{block}")(x, train)
            if block in ("4a", "4d") and self.aux_heads and (train or self.is_initializing()):
                head = AuxHead(self.num_classes, self.aux_dropout, parts, name=f"aux{len(aux_logits) + 1}")
                aux_logits.append(head(x, train))
            if block == "3b":
                x = MaxPool(3, 2, padding="CEIL", name="pool3")(x)
            if block == "4e":
                x = MaxPool(parts.last_pool, 2, padding="CEIL", name="pool4")(x)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]  # the paper's 7x7 window, at 224 pixels
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)
        logits = parts.dense(self.num_classes, x, name="fc")
        return (logits, aux_logits) if train and self.aux_heads else logits


FLATTENED = {"aux1/fc1": 128, "aux2/fc1": 128}

MODELS = {
    "googlenet": Entry(
        GoogLeNet,
        input_shape=(224, 224, 3),
        paper="Szegedy et al. 2015",
        layouts={"torch": Layout(flattened=FLATTENED)},
    )
}
