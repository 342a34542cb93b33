"""Inception-ResNet v2: Szegedy, Ioffe, Vanhoucke, Alemi 2017, "Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning", as in the authors' published weights, and in timm under the paper's name.

The paper's figures 15 to 19 describe a different network: with the stem of Inception v4, with 5, 10 and 5 residual
blocks instead of 10, 20 and 10, and 384, 1154 and 2048 channels instead of 320, 1088 and 2080.

Batch normalization has the authors' epsilon of 1e-3 and PyTorch's momentum, as in timm; in Keras it has no scales. The
authors' code adds an auxiliary head for training, which is neither in the paper nor in timm, and not included here.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv, ConvBN, MaxPool
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.inception_v4 import REDUCE, Mixed, layer_name, reduction_a, side_by_side
from zoo.models.layout import KERAS, Layout
from zoo.models.registry import Entry

# Branches are specified as in Inception v4.
MIXED_5B = (((96, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3)), ("avg", (64, 1)))
INCEPTION_RESNET_A = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)))
INCEPTION_RESNET_B = (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1))))
MIXED_7A = (((256, 1), (384, *REDUCE)), ((256, 1), (288, *REDUCE)), ((256, 1), (288, 3), (320, *REDUCE)), ("max",))
INCEPTION_RESNET_C = (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))))


class InceptionResNet(nn.Module):
    """Residual Inception block: parallel branches and a 1x1 convolution, `project`, scaled and added to the input.

    Attributes:
      branches, conv: as in `Mixed`.
      project: creates the layer `project` from its number of features.
      scale: factor on the residual branch (section 3.3), which prevents activations from dying.
      activation: applied to the sum.
    """

    branches: tuple[tuple, ...]
    conv: Callable
    project: Callable
    scale: float
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = side_by_side(self.branches, self.conv, x, train)
        return self.activation(x + self.scale * self.project(x.shape[-1], 1, name="project")(y))


class InceptionResNetV2(nn.Module):
    """Inception-ResNet v2 of the published weights: 55,843,464 parameters for 1000 classes.

    As in the authors' code, all kernels are initialized uniformly with variance 2 / (fan_in + fan_out); biases are
    zero.

    Attributes:
      num_classes: logits.
      blocks: number of residual blocks of each kind before the last block.
      dropout: rate on the input of the last layer.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 75

    num_classes: int = 1000
    blocks: tuple[int, int, int] = (10, 20, 9)
    dropout: float = 0.2
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("Inception-ResNet v2", images, self.smallest)
        xavier = VarianceScaling(1.0, "fan_avg", "uniform")
        conv = functools.partial(ConvBN, epsilon=1e-3, kernel_init=xavier, dtype=self.dtype)
        mixed = functools.partial(Mixed, conv=conv)
        project = functools.partial(Conv, kernel_init=xavier, dtype=self.dtype)
        residual = functools.partial(InceptionResNet, conv=conv, project=project)

        x = conv(32, *REDUCE, name="conv_1a")(images, train)
        x = conv(32, 3, 1, "VALID", name="conv_2a")(x, train)
        x = conv(64, 3, name="conv_2b")(x, train)
        x = MaxPool(3, 2, name="pool_3a")(x)
        x = conv(80, 1, name="conv_3b")(x, train)
        x = conv(192, 3, 1, "VALID", name="conv_4a")(x, train)
        x = MaxPool(3, 2, name="pool_5a")(x)
        x = mixed(MIXED_5B, name="mixed_5b")(x, train)
        for index in range(self.blocks[0]):
            x = residual(INCEPTION_RESNET_A, scale=0.17, name=f"inception_resnet_a{index}")(x, train)
        x = mixed(reduction_a(256, 256, 384, 384), name="reduction_a")(x, train)
        for index in range(self.blocks[1]):
            x = residual(INCEPTION_RESNET_B, scale=0.1, name=f"inception_resnet_b{index}")(x, train)
        x = mixed(MIXED_7A, name="reduction_b")(x, train)
        for index in range(self.blocks[2]):
            x = residual(INCEPTION_RESNET_C, scale=0.2, name=f"inception_resnet_c{index}")(x, train)
        # The last block is neither scaled nor rectified.
        x = residual(INCEPTION_RESNET_C, scale=1.0, activation=lambda x: x, name="inception_resnet_c9")(x, train)
        x = conv(1536, 1, name="conv_7b")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)
        return nn.Dense(self.num_classes, kernel_init=xavier, dtype=self.dtype, name="fc")(x)


TIMM = Layout(
    (
        (r"/branch(\d)_", r"/branch\1."), ("/project", "/conv2d"), ("^conv_", "conv2d_"), ("^pool_", "maxpool_"),
        ("^reduction_a", "mixed_6a"), ("^reduction_b", "mixed_7a"), ("^inception_resnet_c9", "block8"),
        ("^inception_resnet_a", "repeat."), ("^inception_resnet_b", "repeat_1."), ("^inception_resnet_c", "repeat_2."),
        ("^avgpool", "global_pool"), ("^dropout", "head_drop"), ("^fc$", "classif"),
    ),
    preprocessing=preprocessing.timm(299, 0.8975),
)  # fmt: skip


def _keras():
    """Returns Keras's layout, with layers in Keras's order.

    In parallel branches, layers are ordered by their distance from the end of the branch, with convolutions before
    normalizations, while automatic names are numbered in the order of creation, branch by branch.
    """
    layers, count = {}, itertools.count()

    def add(*made):
        for ours, theirs in (("conv", "conv2d"), ("bn", "batch_normalization")):
            layers.update({f"{path}/{ours}": f"{theirs}_{number}" if number else theirs for path, number in made})

    def add_branches(path, branches):
        made = [
            [
                (f"{path}/{layer_name(branch, index, row)}", next(count))
                for index, layer in enumerate(row)
                if not isinstance(layer, str)
            ]
            for branch, row in enumerate(branches)
        ]
        for distance in range(max(map(len, made)), 0, -1):
            add(*(row[-distance] for row in made if len(row) >= distance))

    def add_residuals(ours, theirs, branches, blocks):
        for index in range(blocks):
            add_branches(f"{ours}{index}", branches)
            layers[f"{ours}{index}/project"] = f"{theirs}_{index + 1}_conv"

    for path in ("conv_1a", "conv_2a", "conv_2b", "conv_3b", "conv_4a"):
        add((path, next(count)))
    add_branches("mixed_5b", MIXED_5B)
    add_residuals("inception_resnet_a", "block35", INCEPTION_RESNET_A, 10)
    add_branches("reduction_a", reduction_a(256, 256, 384, 384))
    add_residuals("inception_resnet_b", "block17", INCEPTION_RESNET_B, 20)
    add_branches("reduction_b", MIXED_7A)
    add_residuals("inception_resnet_c", "block8", INCEPTION_RESNET_C, 10)
    layers |= {"conv_7b/conv": "conv_7b", "conv_7b/bn": "conv_7b_bn", "fc": "predictions"}
    return Layout(
        layers=layers,
        constants=(("/bn/scale$", 1.0),),
        framework=KERAS,
        preprocessing=preprocessing.keras(299, "tf"),
    )


MODELS = {
    "inception_resnet_v2": Entry(
        InceptionResNetV2,
        input_shape=(299, 299, 3),
        paper="Szegedy et al. 2017",
        layouts={"timm": TIMM, "keras": _keras()},
    ),
}
