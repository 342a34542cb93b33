"""MobileNetV3: Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam 2019, "Searching for
MobileNetV3".

`mobilenet_v3_large` is table 1, `mobilenet_v3_small` table 2, both as in torchvision. Table 2 also has
squeeze-and-excitation after the last convolution, which torchvision lacks. Epsilon, 1e-3, is torchvision's; the
momentum is the paper's (section 6.1.1). In Keras, strided convolutions pad only the bottom and the right of images of
even size.
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, ConvBN
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.mobilenet import GAUSSIAN, HE_FAN_OUT, InvertedResidual
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

# Kernel size, "exp size", "#out", "SE", "NL" (RE: ReLU, HS: hard swish), stride. Instead of the paper's check marks,
# "SE" has the channels in the middle of squeeze-and-excitation: a quarter of the "exp size", rounded to a multiple of 8
# as in torchvision.
TABLE_1 = (
    (3, 16, 16, 0, "RE", 1),
    (3, 64, 24, 0, "RE", 2),
    (3, 72, 24, 0, "RE", 1),
    (5, 72, 40, 24, "RE", 2),
    (5, 120, 40, 32, "RE", 1),
    (5, 120, 40, 32, "RE", 1),
    (3, 240, 80, 0, "HS", 2),
    (3, 200, 80, 0, "HS", 1),
    (3, 184, 80, 0, "HS", 1),
    (3, 184, 80, 0, "HS", 1),
    (3, 480, 112, 120, "HS", 1),
    (3, 672, 112, 168, "HS", 1),
    (5, 672, 160, 168, "HS", 2),
    (5, 960, 160, 240, "HS", 1),
    (5, 960, 160, 240, "HS", 1),
)
TABLE_2 = (
    (3, 16, 16, 8, "RE", 2),
    (3, 72, 24, 0, "RE", 2),
    (3, 88, 24, 0, "RE", 1),
    (5, 96, 40, 24, "HS", 2),
    (5, 240, 40, 64, "HS", 1),
    (5, 240, 40, 64, "HS", 1),
    (5, 120, 48, 32, "HS", 1),
    (5, 144, 48, 40, "HS", 1),
    (5, 288, 96, 72, "HS", 2),
    (5, 576, 96, 144, "HS", 1),
    (5, 576, 96, 144, "HS", 1),
)
ACTIVATIONS = {"RE": nn.relu, "HS": nn.hard_swish}


class MobileNetV3(nn.Module):
    """MobileNetV3: 5,483,032 (large) and 2,542,856 (small) parameters for 224-pixel images and 1000 classes.

    As in torchvision, kernels of convolutions are initialized after He et al. 2015: normal with variance 2 / fan_out;
    those of linear layers are normal with standard deviation 0.01; biases are zero.

    Attributes:
      num_classes: logits.
      blocks: the rows "bneck" of table 1 or 2.
      hidden: width of fc1.
      dropout: rate on the inputs of fc2.
      momentum: decay rate of the running statistics. A run of a few hundred steps needs a smaller one, since otherwise
        evaluation is still influenced by their initial values.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1000
    blocks: tuple[tuple[int, int, int, int, str, int], ...] = TABLE_1
    hidden: int = 1280
    dropout: float = 0.2
    momentum: float = 0.99
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("MobileNetV3", images, self.smallest)
        conv = functools.partial(ConvBN, epsilon=1e-3, momentum=self.momentum, kernel_init=HE_FAN_OUT, dtype=self.dtype)
        dense = functools.partial(nn.Dense, kernel_init=GAUSSIAN, dtype=self.dtype)

        x = conv(16, 3, strides=2, padding=1, activation=nn.hard_swish, name="conv1")(images, train)
        for number, (size, expanded, features, squeeze, activation, strides) in enumerate(self.blocks, start=1):
            x = InvertedResidual(
                features,
                expanded,
                functools.partial(conv, activation=ACTIVATIONS[activation]),
                kernel_size=size,
                strides=strides,
                squeeze=squeeze,
                name=f"block{number}",
            )(x, train)
        x = conv(6 * x.shape[-1], 1, activation=nn.hard_swish, name="conv2")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]
        x = nn.hard_swish(dense(self.hidden, name="fc1")(x))
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        return dense(self.num_classes, name="fc2")(x)


def torchvision(blocks: tuple[tuple[int, int, int, int, str, int], ...], resize: int) -> Layout:
    """Returns torchvision's layout, which numbers the layers of a block; not every block has all of them."""
    rules, channels = [], 16
    for number, (_, expanded, features, squeeze, _, _) in enumerate(blocks, start=1):
        parts = ["expand"] * (expanded != channels) + ["depthwise"] + ["squeeze"] * (squeeze > 0) + ["project"]
        rules += [(rf"^block{number}/{part}", f"features/{number}/block/{index}") for index, part in enumerate(parts)]
        channels = features
    return Layout(
        (
            *rules,
            (r"^block(\d+)$", r"features/\1"),
            (r"^conv1", "features/0"),
            (r"^conv2", f"features/{len(blocks) + 1}"),
            (r"/conv$", "/0"),
            (r"/bn$", "/1"),
            (r"^fc1$", "classifier/0"),
            (r"^drop$", "classifier/2"),
            (r"^fc2$", "classifier/3"),
        ),
        preprocessing=Preprocessing(resize),
    )


MODELS = {
    f"mobilenet_v3_{size}": Entry(
        MobileNetV3,
        input_shape=(224, 224, 3),
        paper="Howard et al. 2019",
        options={"blocks": blocks, "hidden": hidden},
        layouts={"torchvision": torchvision(blocks, resize)},
    )
    for size, blocks, hidden, resize in (("large", TABLE_1, 1280, 232), ("small", TABLE_2, 1024, 256))
}
