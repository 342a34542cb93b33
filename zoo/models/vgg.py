"""VGG: Simonyan, Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition".

`vgg11`, `vgg13`, `vgg16` and `vgg19` are columns A, B, D and E of table 1; columns A-LRN and C are not included. With
the suffix `_bn`, batch normalization, which is more recent than the paper, follows each convolution, as in torchvision,
where convolutions keep their biases.

For 224 pixels the layers are the paper's. torchvision, and the zoo like it, differs in two respects. The standard
deviation of initial weights follows from the fan-out, where section 3.1 initializes column A with standard deviation
0.1 ("10^-2 variance") and the deeper networks from a trained A. And images of other sizes are averaged to 7x7 pixels
before fc6, where section 3.2 turns the linear layers into convolutions.
"""

import functools
import itertools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, BatchNorm, Conv, MaxPool
from zoo.layers.initializers import Gaussian, VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import KERAS, Layout
from zoo.models.registry import Entry


class VGG(nn.Module):
    """VGG, by default column D.

    Parameters for 1000 classes: vgg11 132,863,336; vgg13 133,047,848; vgg16 138,357,544; vgg19 143,667,240; batch
    normalization adds 5,504, 5,888, 8,448 and 11,008.

    Weights are initialized as in torchvision: kernels of convolutions Gaussian with variance 2 / fan_out, of linear
    layers Gaussian with standard deviation 0.01; biases are zero.

    Attributes:
      num_classes: logits.
      depths: numbers of 3x3 convolutions in the five blocks, which have 64, 128, 256, 512 and 512 features.
      batch_norm: whether batch normalization follows each convolution.
      dropout: rate on the outputs of fc6 and fc7.
      hidden: width of fc6 and fc7.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 32
    features: ClassVar[tuple[int, ...]] = (64, 128, 256, 512, 512)

    num_classes: int = 1000
    depths: tuple[int, ...] = (2, 2, 3, 3, 3)
    batch_norm: bool = False
    dropout: float = 0.5
    hidden: int = 4096
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("VGG", images, self.smallest)
        kaiming = VarianceScaling(2.0, "fan_out", "normal")
        conv = functools.partial(Conv, kernel_size=3, padding=1, kernel_init=kaiming, dtype=self.dtype)
        norm = functools.partial(BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5, dtype=self.dtype)
        dense = functools.partial(nn.Dense, dtype=self.dtype, kernel_init=Gaussian(0.01))
        dropout = functools.partial(nn.Dropout, self.dropout, deterministic=not train)

        x = images
        for block, (features, depth) in enumerate(zip(self.features, self.depths, strict=True), start=1):
            for index in range(1, depth + 1):
                x = conv(features, name=f"conv{block}_{index}")(x)
                if self.batch_norm:
                    x = norm(name=f"bn{block}_{index}")(x)
                x = nn.relu(x)
            x = MaxPool(2, 2, name=f"pool{block}")(x)
        x = AdaptiveAvgPool(7, name="avgpool")(x)  # identity for 224 pixels
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        x = nn.relu(dense(self.hidden, name="fc6")(x))
        x = dropout(name="drop6")(x)
        x = nn.relu(dense(self.hidden, name="fc7")(x))
        x = dropout(name="drop7")(x)
        return dense(self.num_classes, name="fc8")(x)


def _torchvision(depths, batch_norm):
    """Returns torchvision's layout, which numbers all layers of its `features`, including activations."""
    number, rules = itertools.count(), []
    for block, depth in enumerate(depths, start=1):
        for index in range(1, depth + 1):
            rules.append((f"^conv{block}_{index}$", f"features.{next(number)}"))
            if batch_norm:
                rules.append((f"^bn{block}_{index}$", f"features.{next(number)}"))
            next(number)
        rules.append((f"^pool{block}$", f"features.{next(number)}"))
    classifier = {"fc6": 0, "drop6": 2, "fc7": 3, "drop7": 5, "fc8": 6}
    rules += [(f"^{name}$", f"classifier.{index}") for name, index in classifier.items()]
    return Layout(tuple(rules), flattened={"fc6": 512}, preprocessing=preprocessing.TORCHVISION)


def _keras(depths):
    convs = {f"conv{block}_{index}": f"block{block}_conv{index}"
             for block, depth in enumerate(depths, start=1) for index in range(1, depth + 1)}  # fmt: skip
    return Layout(
        layers={**convs, "fc6": "fc1", "fc7": "fc2", "fc8": "predictions"},
        framework=KERAS,
        preprocessing=preprocessing.keras(224, "caffe"),
    )


def _entry(name, depths, batch_norm):
    layouts = {"torchvision": _torchvision(depths, batch_norm)}
    if name in ("vgg16", "vgg19"):
        layouts["keras"] = _keras(depths)
    return Entry(
        VGG,
        input_shape=(224, 224, 3),
        paper="Simonyan & Zisserman 2015, arXiv:1409.1556" + batch_norm * ", with batch normalization",
        options={"depths": depths, "batch_norm": batch_norm},
        layouts=layouts,
    )


DEPTHS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}

MODELS = {
    name + suffix: _entry(name + suffix, depths, batch_norm)
    for name, depths in DEPTHS.items()
    for suffix, batch_norm in (("", False), ("_bn", True))
}
