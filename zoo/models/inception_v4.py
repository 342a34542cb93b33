"""Inception v4: Szegedy, Ioffe, Vanhoucke, Alemi 2017, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", figures 3 to 9.

Where the stem and some branches have consecutive 7x1 and 1x7, or 1x3 and 3x1 convolutions, the order is that of the
authors' code and of timm.

Batch normalization has the authors' epsilon of 1e-3 and PyTorch's momentum, as in timm. The authors' code adds an
auxiliary head for training, which is neither in the paper nor in timm, and not included here.
"""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, AvgPool, ConvBN, MaxPool
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.registry import Entry

# A block is a tuple of branches, and a branch a tuple of layers: "max", a pool of 3x3 pixels with stride 2; "avg", one
# with stride 1; ("fork", a, b), two convolutions with the same input; or a convolution, (features, window[, stride,
# padding]). Padding is "VALID" where the figures have a "V".
REDUCE = (3, 2, "VALID")


def reduction_a(k: int, l: int, m: int, n: int) -> tuple:  # noqa: E741
    """Returns the reduction block of figure 7, with the letters of table 1."""
    return (((n, *REDUCE),), ((k, 1), (l, 3), (m, *REDUCE)), ("max",))


STEM_1 = (("max",), ((96, *REDUCE),))
STEM_2 = (((64, 1), (96, 3, 1, "VALID")), ((64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, "VALID")))
STEM_3 = (((192, *REDUCE),), ("max",))
INCEPTION_A = (((96, 1),), ((64, 1), (96, 3)), ((64, 1), (96, 3), (96, 3)), ("avg", (96, 1)))
INCEPTION_B = (
    ((384, 1),),
    ((192, 1), (224, (1, 7)), (256, (7, 1))),
    ((192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
    ("avg", (128, 1)),
)
REDUCTION_B = (
    ((192, 1), (192, *REDUCE)),
    ((256, 1), (256, (1, 7)), (320, (7, 1)), (320, *REDUCE)),
    ("max",),
)
FORK = ("fork", (256, (1, 3)), (256, (3, 1)))
INCEPTION_C = (
    ((256, 1),),
    ((384, 1), FORK),
    ((384, 1), (448, (3, 1)), (512, (1, 3)), FORK),
    ("avg", (256, 1)),
)
V4_BLOCKS = (4, 7, 3)


def v4_layers(blocks: tuple[int, int, int]) -> dict[str, tuple]:
    """Returns the blocks between the first convolutions and the head (figure 9), by name."""
    return {
        "stem1": STEM_1,
        "stem2": STEM_2,
        "stem3": STEM_3,
        **{f"inception_a{index}": INCEPTION_A for index in range(blocks[0])},
        "reduction_a": reduction_a(192, 224, 256, 384),
        **{f"inception_b{index}": INCEPTION_B for index in range(blocks[1])},
        "reduction_b": REDUCTION_B,
        **{f"inception_c{index}": INCEPTION_C for index in range(blocks[2])},
    }


def layer_name(branch: int, index: int, layers: tuple) -> str:
    """Returns the name of a layer: `branch0` if the branch has only one layer, else `branch0_0` and so on."""
    return f"branch{branch}_{index}" if len(layers) > 1 else f"branch{branch}"


def side_by_side(branches: tuple[tuple, ...], conv: Callable, x: jax.Array, train: bool) -> jax.Array:
    """Applies the branches of a block and concatenates their outputs."""
    outputs = []
    for branch, layers in enumerate(branches):
        y = x
        for index, layer in enumerate(layers):
            name = layer_name(branch, index, layers)
            if layer == "max":
                y = MaxPool(3, 2, name=name)(y)
            elif layer == "avg":
                y = AvgPool(3, 1, "SAME", count_include_pad=False, name=name)(y)
            elif layer[0] == "fork":
                sides = zip(layer[1:], "ab", strict=True)
                y = jnp.concatenate([conv(*side, name=name + letter)(y, train) for side, letter in sides], axis=-1)
            else:
                y = conv(*layer, name=name)(y, train)
        outputs.append(y)
    return jnp.concatenate(outputs, axis=-1)


class Mixed(nn.Module):
    """Parallel branches.

    Attributes:
      branches: see the comment above `REDUCE`.
      conv: creates a convolution from the arguments in its tuple.
    """

    branches: tuple[tuple, ...]
    conv: Callable

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return side_by_side(self.branches, self.conv, x, train)


class InceptionV4(nn.Module):
    """Inception v4: 42,679,816 parameters for 1000 classes.

    As in the authors' code, kernels of convolutions are initialized from a truncated Gaussian with variance 2 / fan_in,
    the kernel of the last layer uniformly with variance 2 / (fan_in + fan_out); biases are zero.

    Attributes:
      num_classes: logits.
      blocks: numbers of blocks A, B and C.
      dropout: rate on the input of the last layer.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 75

    num_classes: int = 1000
    blocks: tuple[int, int, int] = V4_BLOCKS
    dropout: float = 0.2
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("Inception v4", images, self.smallest)
        conv = functools.partial(
            ConvBN, epsilon=1e-3, kernel_init=VarianceScaling(2.0, "fan_in", "truncated_normal"), dtype=self.dtype
        )

        x = conv(32, *REDUCE, name="conv1")(images, train)
        x = conv(32, 3, 1, "VALID", name="conv2")(x, train)
        x = conv(64, 3, name="conv3")(x, train)
        for name, branches in v4_layers(self.blocks).items():
            x = Mixed(branches, conv, name=name)(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)
        xavier = VarianceScaling(1.0, "fan_avg", "uniform")
        return nn.Dense(self.num_classes, kernel_init=xavier, dtype=self.dtype, name="fc")(x)


V4_TIMM = Layout(
    (
        ("^stem1/branch0", "stem1/maxpool"), ("^stem1/branch1", "stem1/conv"),
        ("^stem3/branch0", "stem3/conv"), ("^stem3/branch1", "stem3/maxpool"),
        (r"/branch3_(\d)", r"/branch3.\1"), (r"^((?!inception_c).*/branch\d)_", r"\1."),
        *((f"^{name}(?=/|$)", f"features.{i}")
          for i, name in enumerate(("conv1", "conv2", "conv3", *v4_layers(V4_BLOCKS)))),
        ("^avgpool", "global_pool"), ("^dropout", "head_drop"), ("^fc$", "last_linear"),
    ),
    preprocessing=preprocessing.timm(299, 0.875),
)  # fmt: skip

MODELS = {
    "inception_v4": Entry(
        InceptionV4, input_shape=(299, 299, 3), paper="Szegedy et al. 2017", layouts={"timm": V4_TIMM}
    ),
}
