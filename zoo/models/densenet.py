"""DenseNet: Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks".

`densenet121`, `densenet169` and `densenet201` are the columns of table 1, for ImageNet; `densenet_bc_100_12` is table
2's DenseNet-BC of depth 100 with growth rate 12, for the 32-pixel images of CIFAR. All have bottlenecks (B) and
transitions that keep half of the channels (C). `bottleneck=False, compression=1.0` gives the plain DenseNets of table
2, with 16 channels before the first block.

Dropout follows each convolution but the first, as in section 4.2; the paper uses it, at 0.2, only on data without
augmentation. torchvision has one dropout per layer, after its 3x3 convolution. Epsilon is torchvision's; Keras has
1.001e-5 (`epsilon=1.001e-5`).
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, AvgPool, BatchNorm, Conv, MaxPool
from zoo.layers.initializers import VarianceScaling, torch_kernel
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import KERAS, Layout
from zoo.models.registry import Entry

HE_NORMAL = VarianceScaling(2.0, "fan_in", "normal")


def batch_norm(train: bool, epsilon: float, dtype: Any, name: str) -> BatchNorm:
    """Returns batch normalization with PyTorch's momentum."""
    return BatchNorm(use_running_average=not train, momentum=0.9, epsilon=epsilon, dtype=dtype, name=name)


def norm_relu_conv(
    x: jax.Array, train: bool, features: int, size: int, dropout: float, epsilon: float, dtype: Any, number: str = ""
) -> jax.Array:
    """Applies table 1's "conv", as layers `norm`, `conv` and, with dropout, `drop` of the calling module."""
    x = nn.relu(batch_norm(train, epsilon, dtype, f"norm{number}")(x))
    x = Conv(
        features,
        size,
        padding=size // 2,
        use_bias=False,
        kernel_init=HE_NORMAL,
        dtype=dtype,
        name=f"conv{number}",
    )(x)
    return nn.Dropout(dropout, deterministic=not train, name=f"drop{number}")(x) if dropout else x


class DenseLayer(nn.Module):
    """Dense layer, which computes `growth` new channels from all channels before it.

    Attributes: as in `DenseNet`.
    """

    growth: int
    bottleneck: bool
    dropout: float
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.bottleneck:
            x = norm_relu_conv(x, train, 4 * self.growth, 1, self.dropout, self.epsilon, self.dtype, "1")
        return norm_relu_conv(x, train, self.growth, 3, self.dropout, self.epsilon, self.dtype, "2")


class DenseBlock(nn.Module):
    """Dense block, each of whose layers takes the block's input and the outputs of all layers before it.

    Attributes: `length` is the number of layers; the others are as in `DenseNet`.
    """

    length: int
    growth: int
    bottleneck: bool
    dropout: float
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for number in range(1, self.length + 1):
            layer = DenseLayer(
                self.growth, self.bottleneck, self.dropout, self.epsilon, self.dtype, name=f"layer{number}"
            )
            x = jnp.concatenate([x, layer(x, train)], axis=-1)
        return x


class Transition(nn.Module):
    """Transition layer, which reduces the channels and halves height and width.

    Attributes: `features` is the number of output channels; the others are as in `DenseNet`.
    """

    features: int
    dropout: float
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = norm_relu_conv(x, train, self.features, 1, self.dropout, self.epsilon, self.dtype)
        return AvgPool(2, name="pool")(x)


class DenseNet(nn.Module):
    """DenseNet.

    Parameters: 7,978,856 (121 layers), 14,149,480 (169), 20,013,928 (201) for 224-pixel images and 1000 classes;
    769,162 (BC, 100 layers, growth rate 12) for 32-pixel images and 10 classes.

    Kernels of convolutions are initialized as in the paper and in torchvision, after He et al. 2015: normal with
    variance 2 / fan_in. As in torchvision, the last layer's kernel has PyTorch's default initialization, and its bias
    is zero.

    Attributes:
      num_classes: logits.
      blocks: layers in each dense block.
      growth: growth rate, the channels that each layer adds (the paper's k).
      features: channels before the first block: twice the growth rate, or 16 without bottlenecks.
      bottleneck: whether a 1x1 convolution to 4 * growth channels comes before each 3x3 convolution.
      compression: fraction of the channels that a transition keeps (the paper's theta).
      small_images: whether the first convolution is 3x3 with stride 1, without a pool after it.
      dropout: rate after each convolution but the first.
      epsilon: of batch normalization.
      dtype: of the computation.
    """

    num_classes: int = 1000
    blocks: tuple[int, ...] = (6, 12, 24, 16)
    growth: int = 32
    features: int = 64
    bottleneck: bool = True
    compression: float = 0.5
    small_images: bool = False
    dropout: float = 0.0
    epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def smallest(self) -> int:
        """Minimum height and width of an image in pixels, which leaves one pixel after the last transition."""
        halved = 2 ** (len(self.blocks) - 1)
        return halved if self.small_images else 4 * halved - 3

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("DenseNet", images, self.smallest)
        size, strides = (3, 1) if self.small_images else (7, 2)
        x = Conv(
            self.features,
            size,
            strides=strides,
            padding=size // 2,
            use_bias=False,
            kernel_init=HE_NORMAL,
            dtype=self.dtype,
            name="conv0",
        )(images)
        if not self.small_images:
            x = nn.relu(batch_norm(train, self.epsilon, self.dtype, "norm0")(x))
            x = MaxPool(3, 2, padding=1, name="pool0")(x)
        for number, length in enumerate(self.blocks, start=1):
            x = DenseBlock(
                length, self.growth, self.bottleneck, self.dropout, self.epsilon, self.dtype, name=f"block{number}"
            )(x, train)
            if number < len(self.blocks):
                kept = int(self.compression * x.shape[-1])
                x = Transition(kept, self.dropout, self.epsilon, self.dtype, name=f"transition{number}")(x, train)
        x = nn.relu(batch_norm(train, self.epsilon, self.dtype, "norm5")(x))
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=torch_kernel(), dtype=self.dtype, name="classifier")(x)


TORCHVISION = Layout(
    (
        (r"/layer(\d+)", r"/denselayer\1"),
        (r"^block(\d)", r"features/denseblock\1"),
        (r"^(conv0|norm0|pool0|transition\d|norm5)", r"features/\1"),
    ),
    preprocessing=preprocessing.TORCHVISION,
)


def _keras(blocks):
    layers = {"conv0": "conv1_conv", "norm0": "conv1_bn"}
    for number, length in enumerate(blocks, start=1):
        for layer in range(1, length + 1):
            ours, theirs = f"block{number}/layer{layer}", f"conv{number + 1}_block{layer}"
            layers |= {
                f"{ours}/norm1": f"{theirs}_0_bn",
                f"{ours}/conv1": f"{theirs}_1_conv",
                f"{ours}/norm2": f"{theirs}_1_bn",
                f"{ours}/conv2": f"{theirs}_2_conv",
            }
        if number < len(blocks):
            layers |= {
                f"transition{number}/norm": f"pool{number + 1}_bn",
                f"transition{number}/conv": f"pool{number + 1}_conv",
            }
    return Layout(
        layers={**layers, "norm5": "bn", "classifier": "predictions"},
        options={"epsilon": 1.001e-5},
        preprocessing=preprocessing.keras(224, "torch"),
        framework=KERAS,
    )


def imagenet(*blocks: int) -> Entry:
    """Returns the entry of a column of table 1."""
    return Entry(
        DenseNet,
        input_shape=(224, 224, 3),
        paper="Huang et al. 2017",
        options={"blocks": blocks},
        layouts={"torchvision": TORCHVISION, "keras": _keras(blocks)},
    )


MODELS = {
    "densenet121": imagenet(6, 12, 24, 16),
    "densenet169": imagenet(6, 12, 32, 32),
    "densenet201": imagenet(6, 12, 48, 32),
    "densenet_bc_100_12": Entry(
        DenseNet,
        input_shape=(32, 32, 3),
        paper="Huang et al. 2017",
        num_classes=10,
        options={"blocks": (16, 16, 16), "growth": 12, "features": 24, "small_images": True},
        layouts={"torch": Layout()},
    ),
}
