"""ConvNeXt: Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022, "A ConvNet for the 2020s".

`convnext_tiny`, `convnext_small` and `convnext_base` are ConvNeXt-T, -S and -B of section 3, with the rates of
stochastic depth of table 5, as in torchvision. The linear layers of a block are the paper's 1x1 convolutions. Keras has
the same networks, but by default with a normalization of the images before them (disabled by
`include_preprocessing=False`).
"""

import functools
import itertools
from dataclasses import replace
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv, DropPath
from zoo.layers.gelu import gelu
from zoo.layers.initializers import Gaussian
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import KERAS, Layout
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

# torchvision truncates at +-2, which is a hundred standard deviations.
KERNEL_INIT = Gaussian(0.02)


class Patches(nn.Module):
    """Patch embedding or downsampling: a convolution `conv` with stride `size`, and layer normalization `norm`.

    Attributes:
      features: output channels.
      size: side of a patch, in pixels.
      norm_first: whether normalization comes first.
      dtype: of the computation.
    """

    features: int
    size: int
    norm_first: bool
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = Conv(
            self.features,
            self.size,
            strides=self.size,
            padding="VALID",
            kernel_init=KERNEL_INIT,
            dtype=self.dtype,
            name="conv",
        )
        norm = nn.LayerNorm(epsilon=1e-6, dtype=self.dtype, name="norm")
        return conv(norm(x)) if self.norm_first else norm(conv(x))


class ConvNeXtBlock(nn.Module):
    """ConvNeXt block (figure 4): a depthwise 7x7 convolution and two pointwise linear layers, added to the input.

    In addition to the parameters of its layers it has `layer_scale` [C], which multiplies the residual branch.

    Attributes:
      initial_scale: initial value of `layer_scale`.
      drop_path: rate of stochastic depth.
      dtype: of the computation.
    """

    initial_scale: float
    drop_path: float
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        channels = x.shape[-1]
        dense = functools.partial(nn.Dense, kernel_init=KERNEL_INIT, dtype=self.dtype)
        y = Conv(channels, 7, padding=3, groups=channels, kernel_init=KERNEL_INIT, dtype=self.dtype, name="depthwise")(
            x
        )
        y = nn.LayerNorm(epsilon=1e-6, dtype=self.dtype, name="norm")(y)
        y = gelu(dense(4 * channels, name="expand")(y))
        y = dense(channels, name="project")(y)
        scale = self.param("layer_scale", nn.initializers.constant(self.initial_scale), (channels,), jnp.float32)
        return x + DropPath(self.drop_path, deterministic=not train, name="drop_path")(scale.astype(self.dtype) * y)


class ConvNeXt(nn.Module):
    """ConvNeXt; parameters at 1000 classes: tiny 28,589,128, small 50,223,688, base 88,591,464.

    Kernels are initialized from a Gaussian with standard deviation 0.02, biases are zero, as in appendix A.1.

    Attributes:
      num_classes: logits.
      depths: blocks of the four stages.
      widths: channels of the four stages.
      drop_path: rate of stochastic depth in the last block; it rises linearly from 0 in the first.
      initial_scale: initial value of each block's `layer_scale`.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 32

    num_classes: int = 1000
    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)
    drop_path: float = 0.1
    initial_scale: float = 1e-6
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ConvNeXt", images, self.smallest)
        x, index = images, 0
        for stage, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), start=1):
            if stage == 1:
                x = Patches(width, 4, norm_first=False, dtype=self.dtype, name="stem")(x)
            else:
                x = Patches(width, 2, norm_first=True, dtype=self.dtype, name=f"downsample{stage}")(x)
            for block in range(depth):
                rate = self.drop_path * index / (sum(self.depths) - 1)
                x = ConvNeXtBlock(self.initial_scale, rate, dtype=self.dtype, name=f"stage{stage}_{block}")(x, train)
                index += 1
        x = AdaptiveAvgPool(1, name="avgpool")(x)
        x = nn.LayerNorm(epsilon=1e-6, dtype=self.dtype, name="norm")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=KERNEL_INIT, dtype=self.dtype, name="fc")(x)


TORCHVISION = Layout(
    (
        ("^norm$", "classifier.0"), ("^fc$", "classifier.2"), ("^stem/conv", "features.0.0"),
        ("^stem/norm", "features.0.1"), ("^stem$", "features.0"), (r"^(downsample\d)/norm", r"\1/0"),
        (r"^(downsample\d)/conv", r"\1/1"), ("/depthwise", "/block.0"), ("/norm", "/block.2"),
        ("/expand", "/block.3"), ("/project", "/block.5"), ("/drop_path", "/stochastic_depth"),
        *((f"^stage{stage}_", f"features.{2 * stage - 1}.") for stage in range(1, 5)),
        *((f"^downsample{stage}", f"features.{2 * stage - 2}") for stage in range(2, 5)),
    ),
    axes=(("/layer_scale$", (0, None, None)),),
)  # fmt: skip
# torchvision evaluates each size with another resize.
TORCHVISION_RESIZE = {"convnext_tiny": 236, "convnext_small": 230, "convnext_base": 232}


def _keras(name, depths):
    """Returns Keras's layout, whose stem and downsampling are nested models.

    `layer_scale` is a layer, whose variable has an automatic name, numbered in the order of creation.
    """
    count = itertools.count()
    layers = {
        "stem/conv": f"{name}_stem/{name}_stem_conv",
        "stem/norm": f"{name}_stem/{name}_stem_layernorm",
    }
    for stage, depth in enumerate(depths):
        if stage:
            ours, theirs, index = f"downsample{stage + 1}", f"{name}_downsampling", stage - 1
            layers |= {
                f"{ours}/norm": f"{theirs}_block_{index}/{theirs}_layernorm_{index}",
                f"{ours}/conv": f"{theirs}_block_{index}/{theirs}_conv_{index}",
            }
        for block in range(depth):
            ours, theirs = f"stage{stage + 1}_{block}", f"{name}_stage_{stage}_block_{block}"
            number = next(count)
            layers |= {
                f"{ours}/depthwise": f"{theirs}_depthwise_conv",
                f"{ours}/norm": f"{theirs}_layernorm",
                f"{ours}/expand": f"{theirs}_pointwise_conv_1",
                f"{ours}/project": f"{theirs}_pointwise_conv_2",
                ours: f"{theirs}_layer_scale/variable" + (f"_{number}" if number else ""),
            }
    return Layout(
        layers={**layers, "norm": f"{name}_head_layernorm", "fc": f"{name}_head_dense"},
        framework=KERAS,
        preprocessing=preprocessing.keras(224, "torch"),  # a layer of Keras's network, without variables
    )


def _entry(name, depths, widths, drop_path):
    return Entry(
        ConvNeXt,
        input_shape=(224, 224, 3),
        paper="Liu et al. 2022",
        options={"depths": depths, "widths": widths},
        rates={"drop_path": drop_path},
        layouts={
            "torchvision": replace(TORCHVISION, preprocessing=Preprocessing(TORCHVISION_RESIZE[name])),
            "keras": _keras(name, depths),
        },
    )


MODELS = {
    name: _entry(name, depths, widths, drop_path)
    for name, depths, widths, drop_path in (
        ("convnext_tiny", (3, 3, 9, 3), (96, 192, 384, 768), 0.1),
        ("convnext_small", (3, 3, 27, 3), (96, 192, 384, 768), 0.4),
        ("convnext_base", (3, 3, 27, 3), (128, 256, 512, 1024), 0.5),
    )
}
