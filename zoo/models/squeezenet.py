"""SqueezeNet: Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
size".

`squeezenet1_0` is table 1 of the paper, and `squeezenet1_1` the authors' later version, which needs 2.3 times fewer
multiply-adds: its first convolution has fewer and smaller kernels, and its pools are earlier. Both are as in
torchvision: conv1 is not padded, and the last window of a pool may extend past the edge. For 224 pixels, conv1 of
`squeezenet1_0` has 109x109 outputs, where table 1 has 111x111, and pool1 54x54, where table 1 has 55x55.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv, MaxPool
from zoo.layers.initializers import Gaussian, VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.registry import Entry


class Fire(nn.Module):
    """Fire module: a 1x1 squeeze layer, then 1x1 and 3x3 expand layers with four times as many channels (section 3.2).

    Attributes:
      features: output channels of the squeeze layer.
      dtype: of the computation.
    """

    features: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = functools.partial(Conv, kernel_init=VarianceScaling(2.0, "fan_in", "uniform"), dtype=self.dtype)
        x = nn.relu(conv(self.features, 1, name="squeeze")(x))
        small = nn.relu(conv(4 * self.features, 1, name="expand1x1")(x))
        large = nn.relu(conv(4 * self.features, 3, padding=1, name="expand3x3")(x))
        return jnp.concatenate([small, large], axis=-1)


class SqueezeNet(nn.Module):
    """SqueezeNet: 1,248,424 (version 1.0) and 1,235,496 (version 1.1) parameters for 1000 classes.

    Weights are initialized as in torchvision: kernels uniform with variance 2 / fan_in, that of conv10 Gaussian with
    standard deviation 0.01; biases are zero. Logits are means of ReLU outputs, and therefore never negative.

    Attributes:
      num_classes: logits.
      stem: features and kernel size, in pixels, of conv1.
      pools: numbers of the layers that are followed by a pool: 1 for conv1, 2 to 9 for fire2 to fire9.
      dropout: rate on the input of conv10.
      dtype: of the computation.
    """

    fires: ClassVar[tuple[int, ...]] = (16, 16, 32, 32, 48, 48, 64, 64)

    num_classes: int = 1000
    stem: tuple[int, int] = (96, 7)
    pools: tuple[int, ...] = (1, 4, 8)
    dropout: float = 0.5
    dtype: Any = jnp.float32

    @property
    def smallest(self) -> int:
        """Minimum height and width of an image in pixels: eight after conv1, and two before the third pool."""
        return self.stem[1] + 14

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("SqueezeNet", images, self.smallest)
        conv = functools.partial(Conv, padding="VALID", dtype=self.dtype)

        def pool(number, x):
            return MaxPool(3, 2, padding="CEIL", name=f"pool{number}")(x) if number in self.pools else x

        features, kernel_size = self.stem
        he_uniform = VarianceScaling(2.0, "fan_in", "uniform")
        x = nn.relu(conv(features, kernel_size, strides=2, kernel_init=he_uniform, name="conv1")(images))
        x = pool(1, x)
        for number, features in enumerate(self.fires, start=2):
            x = Fire(features, dtype=self.dtype, name=f"fire{number}")(x)
            x = pool(number, x)
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop9")(x)
        x = nn.relu(conv(self.num_classes, 1, kernel_init=Gaussian(0.01), name="conv10")(x))
        return AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]


def _torchvision(pools):
    """Returns torchvision's layout, which numbers conv1, its activation, pools and fire modules consecutively."""
    names = ["conv1", "relu1"]
    for number in range(1, 10):
        names += [f"fire{number}"] * (number > 1) + [f"pool{number}"] * (number in pools)
    rules = [(f"^{name}(?=/|$)", f"features.{index}") for index, name in enumerate(names)]
    rules += [("^drop9$", "classifier.0"), ("^conv10$", "classifier.1"), ("^avgpool$", "classifier.3")]
    return Layout(tuple(rules), preprocessing=preprocessing.TORCHVISION)


MODELS = {
    "squeezenet1_0": Entry(
        SqueezeNet,
        input_shape=(224, 224, 3),
        paper="Iandola et al. 2016, arXiv:1602.07360",
        options={"stem": (96, 7), "pools": (1, 4, 8)},
        layouts={"torchvision": _torchvision((1, 4, 8))},
    ),
    "squeezenet1_1": Entry(
        SqueezeNet,
        input_shape=(224, 224, 3),
        paper="Iandola et al. 2016, version 1.1 of the authors' repository",
        options={"stem": (64, 3), "pools": (1, 3, 5)},
        layouts={"torchvision": _torchvision((1, 3, 5))},
    ),
}
