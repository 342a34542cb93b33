"""ResNet v2: He, Zhang, Ren, Sun 2016, "Identity Mappings in Deep Residual Networks", figure 4 (e).

Normalization and ReLU precede each convolution, so that the path of the shortcuts contains only additions. A block that
changes its input's shape projects the output of its first normalization and ReLU; in the others the shortcut is the
block's input. The last block is followed by one more normalization and ReLU.

The paper has 200 layers on ImageNet; `resnetv2_50` has the stages of ResNet-50, as in timm. Where timm and the authors'
code differ, it follows timm: the stride of a bottleneck is in its 3x3 convolution, in the authors' code in the first
1x1; and the pool is between conv1 and the first normalization, where the paper has normalization and ReLU right after
conv1. Keras has the stride of a stage in its last block, and biases in conv1, in the last convolution of each block and
in the projections.
"""

import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv, DropPath, MaxPool
from zoo.layers.initializers import Gaussian
from zoo.layers.window import require_pixels
from zoo.models import preprocessing
from zoo.models.layout import Layout
from zoo.models.registry import Entry
from zoo.models.resnet import Kernel, batch_norm, bottleneck, he_fan_out, places


class PreActivationBlock(nn.Module):
    """Pre-activation residual block, with layers `bn1`, `conv1`, ... and optionally `downsample`.

    Attributes:
      convs: the convolutions.
      dropout: rate before the last convolution; None for a block without this layer.
      drop_path: rate of stochastic depth.
      dtype: of the computation.
    """

    convs: tuple[Kernel, ...]
    dropout: float | None = None
    drop_path: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        conv = functools.partial(Conv, use_bias=False, kernel_init=he_fan_out, dtype=self.dtype)
        norm = batch_norm(train, self.dtype)
        features, strides = self.convs[-1].features, math.prod(kernel.strides for kernel in self.convs)
        y = nn.relu(norm(name="bn1")(x))
        if strides == 1 and x.shape[-1] == features:
            shortcut = x
        else:
            shortcut = conv(features, 1, strides, padding=0, name="downsample")(y)
        for index, (features, size, strides, groups) in enumerate(self.convs, start=1):
            if index > 1:
                y = nn.relu(norm(name=f"bn{index}")(y))
            if index == len(self.convs) and self.dropout is not None:
                y = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(y)
            y = conv(features, size, strides, padding=size // 2, groups=groups, name=f"conv{index}")(y)
        return shortcut + DropPath(self.drop_path, deterministic=not train, name="drop_path")(y)


class ResNetV2(nn.Module):
    """Pre-activation ResNet with bottlenecks: 25,549,352 parameters for 1000 classes in resnetv2_50.

    Weights are initialized as in timm: `he_fan_out` in convolutions; in fc Gaussian with standard deviation 0.01, and
    biases zero.

    Attributes:
      num_classes: logits.
      blocks: number of blocks in each stage.
      width: features inside the blocks of the first stage; they double in each stage.
      drop_path: rate of stochastic depth in the last block; it rises linearly over the blocks (Huang et al. 2016).
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    drop_path: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ResNet v2", images, self.smallest)
        conv1 = Conv(
            self.width, 7, 2, padding=3, use_bias=False, kernel_init=he_fan_out, dtype=self.dtype, name="conv1"
        )
        x = MaxPool(3, 2, padding=1, name="maxpool")(conv1(images))
        for name, stage, strides, depth in places(self.blocks):
            features = self.width * 2**stage
            x = PreActivationBlock(
                bottleneck(4 * features, strides, inner=features),
                drop_path=self.drop_path * depth,
                dtype=self.dtype,
                name=name,
            )(x, train)
        x = nn.relu(batch_norm(train, self.dtype)(name="bn")(x))
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=Gaussian(0.01), dtype=self.dtype, name="fc")(x)


TIMM = Layout(
    (
        *((rf"^layer{stage + 1}_(\d+)", rf"stages.{stage}.blocks.\1") for stage in range(4)),
        (r"/bn(\d)$", r"/norm\1"), (r"/downsample$", "/downsample.conv"), (r"^conv1$", "stem.conv"),
        (r"^maxpool$", "stem.pool"), (r"^bn$", "norm"), (r"^avgpool$", "head.global_pool"), (r"^fc$", "head.fc"),
    ),
    axes=(("^fc/kernel$", (1, 0, None, None)),),  # a 1x1 convolution there
    preprocessing=preprocessing.timm(224, 0.95),
)  # fmt: skip

MODELS = {
    "resnetv2_50": Entry(
        ResNetV2,
        input_shape=(224, 224, 3),
        paper="He et al. 2016, arXiv:1603.05027",
        options={"blocks": (3, 4, 6, 3)},
        layouts={"timm": TIMM},
    )
}
