"""ResNet: He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", table 1, and two wider variants.

`resnet18` and `resnet34` have blocks of two 3x3 convolutions; `resnet50`, `resnet101` and `resnet152` have bottlenecks
of 1x1, 3x3 and 1x1. Shortcuts that change their input's shape are projections, all others identities (option B of
section 3.3).

`resnext50_32x4d` is that of Xie et al. 2017, "Aggregated Residual Transformations for Deep Neural Networks", table 1:
the 3x3 convolution of a bottleneck has twice the channels, in 32 groups of 4, 8, 16 and 32 channels in the four stages.
`wide_resnet50_2` is that of Zagoruyko and Komodakis 2016, "Wide Residual Networks", section 3: it has twice the
channels without groups.

As in torchvision, the stride of a bottleneck is in its 3x3 convolution; in the paper and in Keras it is in the first
1x1, which takes fewer multiply-adds (3.8 instead of 4.1 billion for 50 layers).
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, BatchNorm, Conv, DropPath, MaxPool
from zoo.layers.initializers import VarianceScaling, torch_bias, torch_kernel
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

# Gaussian with variance 2 / fan_out: He et al. 2015, backward pass; torchvision's kaiming_normal_ with "fan_out".
he_fan_out = VarianceScaling(2.0, "fan_out", "normal")


def batch_norm(train: bool, dtype: Any) -> functools.partial:
    """Returns a partial `BatchNorm` without a name, with torchvision's epsilon and momentum (0.1 there, 0.9 here)."""
    return functools.partial(BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5, dtype=dtype)


class Kernel(NamedTuple):
    """A convolution of a block, padded such that it preserves the image size if its stride is 1."""

    features: int
    size: int
    strides: int = 1
    groups: int = 1


def basic(features: int, strides: int) -> tuple[Kernel, ...]:
    """Returns the convolutions of a basic block (figure 5, left)."""
    return Kernel(features, 3, strides), Kernel(features, 3)


def bottleneck(features: int, strides: int, inner: int, groups: int = 1) -> tuple[Kernel, ...]:
    """Returns the convolutions of a bottleneck block (figure 5, right), with `inner` features inside."""
    return Kernel(inner, 1), Kernel(inner, 3, strides, groups), Kernel(features, 1)


class Place(NamedTuple):
    """Position of a block: its name, its stage counted from 0, its strides, and its relative depth in (0, 1]."""

    name: str
    stage: int
    strides: int
    depth: float


def places(counts: tuple[int, ...]) -> Iterator[Place]:
    """Yields the blocks of stages with these block counts; all stages but the first start with stride 2."""
    done = 0
    for stage, count in enumerate(counts):
        for index in range(count):
            done += 1
            yield Place(f"layer{stage + 1}_{index}", stage, 2 if stage and not index else 1, done / sum(counts))


class ResidualBlock(nn.Module):
    """Residual block: convolutions `conv1`, `bn1`, ..., and a shortcut, optionally `downsample_conv`, `downsample_bn`.

    Attributes:
      convs: the convolutions.
      drop_path: rate of stochastic depth.
      project: whether a shortcut that changes its input's shape is a 1x1 convolution with batch normalization (option
        B); otherwise it subsamples pixels and appends zero channels (option A).
      zero_init_residual: whether the last normalization's scale is initialized to zero.
      kernel_init: of all convolutions.
      dtype: of the computation.
    """

    convs: tuple[Kernel, ...]
    drop_path: float = 0.0
    project: bool = True
    zero_init_residual: bool = False
    kernel_init: Any = he_fan_out
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        conv = functools.partial(Conv, use_bias=False, kernel_init=self.kernel_init, dtype=self.dtype)
        norm = batch_norm(train, self.dtype)
        y = x
        for index, (features, size, strides, groups) in enumerate(self.convs, start=1):
            last = index == len(self.convs)
            scale_init = nn.initializers.zeros if last and self.zero_init_residual else nn.initializers.ones
            y = conv(features, size, strides, padding=size // 2, groups=groups, name=f"conv{index}")(y)
            y = norm(scale_init=scale_init, name=f"bn{index}")(y)
            y = y if last else nn.relu(y)
        y = DropPath(self.drop_path, deterministic=not train, name="drop_path")(y)
        features, strides = self.convs[-1].features, math.prod(kernel.strides for kernel in self.convs)
        if strides == 1 and x.shape[-1] == features:
            shortcut = x
        elif self.project:
            shortcut = conv(features, 1, strides, padding=0, name="downsample_conv")(x)
            shortcut = norm(name="downsample_bn")(shortcut)
        else:
            shortcut = x[:, ::strides, ::strides]
            shortcut = jnp.pad(shortcut, ((0, 0), (0, 0), (0, 0), (0, features - x.shape[-1])))
        return nn.relu(shortcut + y)


class ResNet(nn.Module):
    """ResNet with four stages.

    Parameters for 1000 classes: resnet18 11,689,512; resnet34 21,797,672; resnet50 25,557,032; resnet101 44,549,160;
    resnet152 60,192,808; resnext50_32x4d 25,028,904; wide_resnet50_2 68,883,240.

    Weights are initialized as in torchvision: `he_fan_out` in convolutions, PyTorch's default in fc.

    Attributes:
      num_classes: logits.
      blocks: number of blocks in each stage.
      bottleneck: whether blocks are bottlenecks, with four times the features.
      groups: of the 3x3 convolution of a bottleneck.
      widening: multiplier of the features inside a bottleneck.
      width: features inside the blocks of the first stage; they double in each stage.
      small_images: whether conv1 is 3x3 with stride 1 and no pool after it, as for 32x32 images.
      drop_path: rate of stochastic depth in the last block; it rises linearly over the blocks (Huang et al. 2016).
      zero_init_residual: whether blocks are initialized as identities (Goyal et al. 2017, section 5.1).
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    bottleneck: bool = False
    groups: int = 1
    widening: int = 1
    width: int = 64
    small_images: bool = False
    drop_path: float = 0.0
    zero_init_residual: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ResNet", images, self.smallest)
        size, strides = (3, 1) if self.small_images else (7, 2)
        conv1 = Conv(
            self.width,
            size,
            strides,
            padding=size // 2,
            use_bias=False,
            kernel_init=he_fan_out,
            dtype=self.dtype,
            name="conv1",
        )
        x = nn.relu(batch_norm(train, self.dtype)(name="bn1")(conv1(images)))
        if not self.small_images:
            x = MaxPool(3, 2, padding=1, name="maxpool")(x)
        for name, stage, strides, depth in places(self.blocks):
            features = self.width * 2**stage
            if self.bottleneck:
                convs = bottleneck(4 * features, strides, features * self.widening, self.groups)
            else:
                convs = basic(features, strides)
            x = ResidualBlock(
                convs,
                drop_path=self.drop_path * depth,
                zero_init_residual=self.zero_init_residual,
                dtype=self.dtype,
                name=name,
            )(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        bias_init = torch_bias(x.shape[-1])
        return nn.Dense(self.num_classes, kernel_init=torch_kernel(), bias_init=bias_init, dtype=self.dtype, name="fc")(
            x
        )


TORCHVISION = Layout(
    ((r"^layer(\d)_", r"layer\1."), (r"downsample_conv$", "downsample.0"), (r"downsample_bn$", "downsample.1"))
)
PAPER = "He et al. 2016, arXiv:1512.03385"


def _entry(blocks, bottleneck, groups=1, widening=1, paper=PAPER, resize=232):
    return Entry(
        ResNet,
        input_shape=(224, 224, 3),
        paper=paper,
        options={"blocks": blocks, "bottleneck": bottleneck, "groups": groups, "widening": widening},
        layouts={"torchvision": replace(TORCHVISION, preprocessing=Preprocessing(resize))},
    )


MODELS = {
    "resnet18": _entry((2, 2, 2, 2), bottleneck=False, resize=256),
    "resnet34": _entry((3, 4, 6, 3), bottleneck=False, resize=256),
    "resnet50": _entry((3, 4, 6, 3), bottleneck=True),
    "resnet101": _entry((3, 4, 23, 3), bottleneck=True),
    "resnet152": _entry((3, 8, 36, 3), bottleneck=True),
    "resnext50_32x4d": _entry(
        (3, 4, 6, 3), bottleneck=True, groups=32, widening=2, paper="Xie et al. 2017, arXiv:1611.05431"
    ),
    "wide_resnet50_2": _entry(
        (3, 4, 6, 3), bottleneck=True, widening=2, paper="Zagoruyko and Komodakis 2016, arXiv:1605.07146"
    ),
}
