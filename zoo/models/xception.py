"""Xception: Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions".

`xception` is the network of figure 5, as in timm (`legacy_xception`). The figure does not give the padding of windows.
In the author's code, which is Keras's, it is TensorFlow's "SAME"; timm pads the 3x3 pools by one pixel on each side,
and so does the zoo. The two differ where the input of a pool has an even size: for 299 pixels only in `block2`, which
has 74. Batch normalization follows each convolution, with PyTorch's epsilon of 1e-5 where Keras has 1e-3.
`epsilon=1e-3, pool_padding="SAME"` gives Keras's network. Dropout before the last layer is that of section 4.3; neither
Keras nor, by default, timm has it.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, BatchNorm, Conv, ConvBN, MaxPool
from zoo.layers.initializers import VarianceScaling, torch_bias, torch_kernel
from zoo.layers.window import Padding, require_pixels
from zoo.models import preprocessing
from zoo.models.layout import KERAS, KERAS_DEPTHWISE, Layout
from zoo.models.registry import Entry

CONV_INIT = VarianceScaling(2.0, "fan_out", "normal")


class SeparableConv(nn.Module):
    """Depthwise separable convolution: 3x3 depthwise, 1x1, and batch normalization.

    Attributes:
      features: output channels.
      epsilon: of batch normalization.
      dtype: of the computation.
    """

    features: int
    epsilon: float
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        conv = functools.partial(Conv, use_bias=False, kernel_init=CONV_INIT, dtype=self.dtype)
        x = conv(x.shape[-1], 3, padding=1, groups=x.shape[-1], name="depthwise")(x)
        x = conv(self.features, 1, padding=0, name="pointwise")(x)
        return BatchNorm(
            use_running_average=not train, momentum=0.9, epsilon=self.epsilon, dtype=self.dtype, name="bn"
        )(x)


class Block(nn.Module):
    """Residual block of separable convolutions.

    Attributes:
      widths: output channels of the convolutions.
      epsilon, pool_padding: as in `Xception`.
      strides: in pixels; 2 for a pool after the convolutions and a convolution in the shortcut.
      relu_first: whether a ReLU precedes the first convolution, as it does the others.
      dtype: of the computation.
    """

    widths: tuple[int, ...]
    epsilon: float
    pool_padding: Padding
    strides: int = 1
    relu_first: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        shortcut = x
        for index, width in enumerate(self.widths, start=1):
            x = nn.relu(x) if self.relu_first or index > 1 else x
            x = SeparableConv(width, self.epsilon, dtype=self.dtype, name=f"conv{index}")(x, train)
        if self.strides > 1:
            x = MaxPool(3, self.strides, padding=self.pool_padding, name="pool")(x)
            shortcut = ConvBN(
                self.widths[-1],
                1,
                strides=self.strides,
                padding=0,
                activation=lambda x: x,
                epsilon=self.epsilon,
                kernel_init=CONV_INIT,
                dtype=self.dtype,
                name="shortcut",
            )(shortcut, train)
        return x + shortcut


class Xception(nn.Module):
    """Xception: 22,855,952 parameters for 1000 classes.

    As in timm, kernels of convolutions are initialized from a Gaussian with variance 2 / fan_out, and the last layer
    has PyTorch's default initialization.

    Attributes:
      num_classes: logits.
      dropout: rate on the input of the last layer.
      epsilon: of batch normalization.
      pool_padding: of the pools, as in `MaxPool`.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 7

    num_classes: int = 1000
    dropout: float = 0.5
    epsilon: float = 1e-5
    pool_padding: Padding = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("Xception", images, self.smallest)
        epsilon, dtype = self.epsilon, self.dtype
        conv = functools.partial(ConvBN, padding="VALID", epsilon=epsilon, kernel_init=CONV_INIT, dtype=dtype)
        block = functools.partial(Block, epsilon=epsilon, pool_padding=self.pool_padding, dtype=dtype)
        separable = functools.partial(SeparableConv, epsilon=epsilon, dtype=dtype)

        # Entry flow
        x = conv(32, 3, strides=2, name="conv1")(images, train)
        x = conv(64, 3, name="conv2")(x, train)
        x = block((128, 128), strides=2, relu_first=False, name="block1")(x, train)
        x = block((256, 256), strides=2, name="block2")(x, train)
        x = block((728, 728), strides=2, name="block3")(x, train)
        # Middle flow
        for index in range(4, 12):
            x = block((728, 728, 728), name=f"block{index}")(x, train)
        # Exit flow
        x = block((728, 1024), strides=2, name="block12")(x, train)
        x = nn.relu(separable(1536, name="conv3")(x, train))
        x = nn.relu(separable(2048, name="conv4")(x, train))
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)
        return nn.Dense(
            self.num_classes,
            kernel_init=torch_kernel(),
            bias_init=torch_bias(x.shape[-1]),
            dtype=self.dtype,
            name="fc",
        )(x)


TIMM = Layout(
    (
        # In timm a block is a list in which ReLUs are also numbered; the first block lacks one.
        *((f"^block1/conv{i}/bn", f"block1.rep.{3 * i - 2}") for i in (1, 2)),
        *((f"^block1/conv{i}/", f"block1.rep.{3 * i - 3}/") for i in (1, 2)),
        *((rf"^(block\d+)/conv{i}/bn", rf"\1.rep.{3 * i - 1}") for i in (1, 2, 3)),
        *((rf"^(block\d+)/conv{i}/", rf"\1.rep.{3 * i - 2}/") for i in (1, 2, 3)),
        ("/shortcut/conv", "/skip"), ("/shortcut/bn", "/skipbn"), ("/depthwise", "/conv1"),
        (r"^conv(\d)/bn", r"bn\1"), ("^conv([12])$", r"act\1"), ("^conv([34])$", r"bn\1"),
        ("^conv([12])/conv", r"conv\1"), ("^avgpool", "global_pool"),
    ),
    preprocessing=preprocessing.timm(299, 0.8975),
)  # fmt: skip


def _keras():
    """Returns Keras's layout, which numbers blocks from `conv1` on, and shortcuts in the order of creation."""
    layers: dict[str, str] = {}
    shortcuts = {"block1": "", "block2": "_1", "block3": "_2", "block12": "_3"}
    for conv in ("conv1", "conv2"):
        layers |= {f"{conv}/conv": f"block1_{conv}", f"{conv}/bn": f"block1_{conv}_bn"}
    separable = [
        (f"block{block}/conv{index}", f"block{block + 1}_sepconv{index}")
        for block in range(1, 13)
        for index in ((1, 2) if f"block{block}" in shortcuts else (1, 2, 3))
    ]
    for ours, theirs in (*separable, ("conv3", "block14_sepconv1"), ("conv4", "block14_sepconv2")):
        layers |= {f"{ours}/{part}": f"{theirs}/{part}" for part in ("depthwise", "pointwise")}
        layers[f"{ours}/bn"] = f"{theirs}_bn"
        block, _, index = ours.partition("/")
        if block in shortcuts and index == "conv2":
            layers |= {
                f"{block}/shortcut/conv": f"conv2d{shortcuts[block]}",
                f"{block}/shortcut/bn": f"batch_normalization{shortcuts[block]}",
            }
    return Layout(
        layers={**layers, "fc": "predictions"},
        axes=(("/depthwise/kernel$", KERAS_DEPTHWISE),),
        options={"epsilon": 1e-3, "pool_padding": "SAME"},
        framework=KERAS,
        preprocessing=preprocessing.keras(299, "tf"),
    )


MODELS = {
    "xception": Entry(
        Xception,
        input_shape=(299, 299, 3),
        paper="Chollet 2017",
        layouts={"timm": TIMM, "keras": _keras()},
    )
}
