"""Wide ResNets: Zagoruyko and Komodakis 2016, "Wide Residual Networks", table 1.

WRN-n-k has n = 6N + 4 convolutions: a 3x3 convolution with 16 channels and three groups of N blocks with 16k, 32k and
64k channels at 32x32, 16x16 and 8x8 pixels; table 1 calls them conv1 to conv4, here they are conv1 and layer1 to
layer3. The blocks, B(3,3), are pre-activated as in ResNet v2, with dropout between their convolutions after the ReLU
(section 2.4). n counts the 1x1 convolutions in the shortcuts of the three blocks that change the number of channels.

conv1 has no normalization of its own, since the first block starts with one, and a last normalization and ReLU precede
the average pool. Table 1 shows neither; both are as in the authors' code.
"""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv
from zoo.layers.initializers import torch_kernel
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry
from zoo.models.resnet import basic, batch_norm, he_fan_out, places
from zoo.models.resnetv2 import PreActivationBlock


class WideResNet(nn.Module):
    """WRN-n-k: 2,748,890 parameters for 10 classes in wrn_16_4, 36,479,194 in wrn_28_10.

    Weights are initialized as in the authors' code: `he_fan_out` in convolutions, Torch's default in fc; biases are
    zero.

    Attributes:
      num_classes: logits.
      blocks: number of blocks in each group, N = (n - 4) / 6 in the paper.
      widening: k in the paper.
      width: channels of conv1, and of the first group without widening.
      dropout: rate between the two convolutions of a block; 0.3 on CIFAR in the paper's section 3, if used.
      drop_path: rate of stochastic depth in the last block; it rises linearly over the blocks (Huang et al. 2016).
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 10
    blocks: int = 2
    widening: int = 4
    width: int = 16
    dropout: float = 0.0
    drop_path: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("Wide ResNet", images, self.smallest)
        conv1 = Conv(self.width, 3, padding=1, use_bias=False, kernel_init=he_fan_out, dtype=self.dtype, name="conv1")
        x = conv1(images)
        for name, stage, strides, depth in places((self.blocks,) * 3):
            x = PreActivationBlock(
                basic(self.width * self.widening * 2**stage, strides),
                dropout=self.dropout,
                drop_path=self.drop_path * depth,
                dtype=self.dtype,
                name=name,
            )(x, train)
        x = nn.relu(batch_norm(train, self.dtype)(name="bn")(x))
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=torch_kernel(), dtype=self.dtype, name="fc")(x)


MODELS = {
    f"wrn_{depth}_{k}": Entry(
        WideResNet,
        input_shape=(32, 32, 3),
        paper="Zagoruyko and Komodakis 2016, arXiv:1605.07146",
        num_classes=10,
        options={"blocks": (depth - 4) // 6, "widening": k},
        layouts={"torch": Layout()},
    )
    for depth, k in ((16, 4), (28, 10))
}
