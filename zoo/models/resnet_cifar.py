"""ResNets for CIFAR-10: He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", section 4.2.

The networks have 6n + 2 layers: a 3x3 convolution, three stages of n blocks with 16, 32 and 64 filters at 32x32, 16x16
and 8x8 pixels, and a linear layer. All shortcuts are parameter-free identities (option A): where a stage halves the
image, they take every second pixel and append zeros for the new filters. The paper does not say on which side the zeros
are; the functions that the network can represent do not depend on it.
"""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, Conv
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry
from zoo.models.resnet import ResidualBlock, basic, batch_norm, places


class ResNetCifar(nn.Module):
    """ResNet with 6n + 2 layers.

    Parameters for 10 classes: resnet20 269,722; resnet32 464,154; resnet44 658,586; resnet56 853,018; resnet110
    1,727,962.

    Weights are initialized as in section 4.2, after He et al. 2015: Gaussian with variance 2 / fan_in; biases are zero.

    Attributes:
      num_classes: logits.
      blocks: number of blocks in each stage, n in the paper.
      width: filters of the first stage; they double in each stage.
      drop_path: rate of stochastic depth in the last block; it rises linearly over the blocks (Huang et al. 2016).
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 10
    blocks: int = 3
    width: int = 16
    drop_path: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("ResNet for CIFAR", images, self.smallest)
        he_fan_in = VarianceScaling(2.0, "fan_in", "normal")
        conv1 = Conv(self.width, 3, padding=1, use_bias=False, kernel_init=he_fan_in, dtype=self.dtype, name="conv1")
        x = nn.relu(batch_norm(train, self.dtype)(name="bn1")(conv1(images)))
        for name, stage, strides, depth in places((self.blocks,) * 3):
            x = ResidualBlock(
                basic(self.width * 2**stage, strides),
                drop_path=self.drop_path * depth,
                project=False,
                kernel_init=he_fan_in,
                dtype=self.dtype,
                name=name,
            )(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        return nn.Dense(self.num_classes, kernel_init=he_fan_in, dtype=self.dtype, name="fc")(x)


MODELS = {
    f"resnet{6 * n + 2}": Entry(
        ResNetCifar,
        input_shape=(32, 32, 3),
        paper="He et al. 2016, arXiv:1512.03385, section 4.2",
        num_classes=10,
        options={"blocks": n},
        layouts={"torch": Layout()},
    )
    for n in (3, 5, 7, 9, 18)
}
