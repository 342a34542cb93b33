"""Inception v3: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision".

`inception_v3` is torchvision's network, ported from the authors' TensorFlow code. The code differs from the paper's
table 1 before the first Inception block: after the first pool, the paper has convolutions of 3x3, 3x3 with stride 2,
and 3x3; the code has 1x1, 3x3, and a pool of 3x3 with stride 2. At 35x35 pixels the paper's blocks replace 5x5 kernels
by two 3x3 kernels (figure 5); in the code one branch still has 5x5. The auxiliary head is on the last block of 17x17
pixels (figure 8).

Average pools include the padding in the mean here and in torchvision; TensorFlow and Keras exclude it. torchvision's
`transform_input` is not included: it converts images normalized for torchvision's other weights into what the weights
from TensorFlow expect, and is not part of the network.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AdaptiveAvgPool, AvgPool, ConvBN, MaxPool
from zoo.layers.initializers import Gaussian, torch_bias
from zoo.layers.window import pair, require_pixels
from zoo.models.layout import Layout
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import Entry

# Branches of convolutions: (name, features, kernel size), followed by the strides if not 1. Two convolutions in one
# tuple take the same input.
BLOCK_5 = (
    (("branch1x1", 64, 1),),
    (("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)),
    (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)),
)
BLOCK_6A = (
    (("branch3x3", 384, 3, 2),),
    (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2)),
)


def block_6(features: int) -> Sequence[Sequence[tuple]]:
    """Returns the branches of a block at 17x17 pixels (figure 6 with n = 7)."""
    return (
        (("branch1x1", 192, 1),),
        (("branch7x7_1", features, 1), ("branch7x7_2", features, (1, 7)), ("branch7x7_3", 192, (7, 1))),
        (
            ("branch7x7dbl_1", features, 1),
            ("branch7x7dbl_2", features, (7, 1)),
            ("branch7x7dbl_3", features, (1, 7)),
            ("branch7x7dbl_4", features, (7, 1)),
            ("branch7x7dbl_5", 192, (1, 7)),
        ),
    )


BLOCK_7A = (
    (("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)),
    (
        ("branch7x7x3_1", 192, 1),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, 3, 2),
    ),
)
BLOCK_7 = (  # figure 7
    (("branch1x1", 320, 1),),
    (("branch3x3_1", 384, 1), (("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1)))),
    (
        ("branch3x3dbl_1", 448, 1),
        ("branch3x3dbl_2", 384, 3),
        (("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))),
    ),
)

# Branches, and features of the convolution after the average pool; None for blocks that halve the image.
BLOCKS = {
    "5b": (BLOCK_5, 32),
    "5c": (BLOCK_5, 64),
    "5d": (BLOCK_5, 64),
    "6a": (BLOCK_6A, None),
    "6b": (block_6(128), 192),
    "6c": (block_6(160), 192),
    "6d": (block_6(160), 192),
    "6e": (block_6(192), 192),
    "7a": (BLOCK_7A, None),
    "7b": (BLOCK_7, 192),
    "7c": (BLOCK_7, 192),
}


class Mixed(nn.Module):
    """Parallel branches of convolutions, followed by a branch with a pool.

    Attributes:
      branches: see `BLOCK_5`.
      pooled: features of the 1x1 convolution after an average pool; None for a max pool with stride 2 and no
        convolution.
      conv: creates a convolution, with the signature of `ConvBN`.
    """

    branches: Sequence[Sequence[tuple]]
    pooled: int | None
    conv: Callable

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        def conv(x, name, features, kernel, strides=1):
            padding = [(pixels // 2, pixels // 2) if strides == 1 else (0, 0) for pixels in pair(kernel)]
            return self.conv(features, kernel, strides=strides, padding=padding, name=name)(x, train)

        outputs = []
        for branch in self.branches:
            y = x
            for step in branch:
                layers = [step] if isinstance(step[0], str) else step
                y = jnp.concatenate([conv(y, *layer) for layer in layers], axis=-1)
            outputs.append(y)
        if self.pooled is None:
            outputs.append(MaxPool(3, 2, name="pool")(x))
        else:
            outputs.append(conv(AvgPool(3, 1, padding=1, name="pool")(x), "branch_pool", self.pooled, 1))
        return jnp.concatenate(outputs, axis=-1)


class AuxHead(nn.Module):
    """Auxiliary classifier (figure 8).

    Attributes:
      num_classes: logits.
      conv: as in `Mixed`.
      dtype: of the computation.
    """

    num_classes: int
    conv: Callable
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = AvgPool(5, 3, name="pool")(x)
        x = self.conv(128, 1, padding=0, name="conv0")(x, train)
        x = self.conv(768, 5, padding=0, kernel_init=Gaussian(0.01), name="conv1")(x, train)
        x = AdaptiveAvgPool(1, name="avgpool")(x)[:, 0, 0]  # the identity for 299-pixel images
        return _classifier(self.num_classes, 0.001, x, self.dtype)


def _classifier(num_classes, stddev, x, dtype):
    """Applies the last layer, `fc`."""
    kernel_init, bias_init = Gaussian(stddev), torch_bias(x.shape[-1])
    return nn.Dense(num_classes, kernel_init=kernel_init, bias_init=bias_init, dtype=dtype, name="fc")(x)


class InceptionV3(nn.Module):
    """Inception v3: 23,834,568 parameters for 1000 classes; 27,161,264 with the auxiliary head.

    Weights are initialized as in torchvision's `Inception3.__init__`: Gaussian with standard deviation 0.1 (truncated
    at +-2 there, which is 20 standard deviations); in the auxiliary head 0.01 for conv1 and 0.001 for fc. Biases have
    PyTorch's default initialization. (In torchvision the 0.01 has no effect: it is set on the block that contains the
    convolution, but looked up on the convolution itself. It is effective in TensorFlow's code.)

    Attributes:
      num_classes: logits.
      dropout: rate on the inputs of the last layer.
      aux_heads: whether there is an auxiliary classifier, on the output of mixed6e. It is only used in training: a call
        then returns (logits, [logits of the head]).
      dtype: of the computation.
    """

    num_classes: int = 1000
    dropout: float = 0.5
    aux_heads: bool = False
    dtype: Any = jnp.float32

    @property
    def smallest(self) -> int:
        """Minimum height and width of an image in pixels."""
        return 299 if self.aux_heads else 75

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array | tuple[jax.Array, list[jax.Array]]:
        require_pixels("Inception v3", images, self.smallest)
        conv = functools.partial(ConvBN, epsilon=1e-3, kernel_init=Gaussian(0.1), dtype=self.dtype)

        x = conv(32, 3, strides=2, padding=0, name="conv1a")(images, train)
        x = conv(32, 3, padding=0, name="conv2a")(x, train)
        x = conv(64, 3, padding=1, name="conv2b")(x, train)
        x = MaxPool(3, 2, name="pool1")(x)
        x = conv(80, 1, padding=0, name="conv3b")(x, train)
        x = conv(192, 3, padding=0, name="conv4a")(x, train)
        x = MaxPool(3, 2, name="pool2")(x)
        aux_logits = []
        for block, (branches, pooled) in BLOCKS.items():
            x = Mixed(branches, pooled, conv, name=f"mixed{block}")(x, train)
            if block == "6e" and self.aux_heads and (train or self.is_initializing()):
                aux_logits.append(AuxHead(self.num_classes, conv, self.dtype, name="aux")(x, train))
        x = AdaptiveAvgPool(1, name="avgpool")(x)
        x = nn.Dropout(self.dropout, deterministic=not train, name="dropout")(x)[:, 0, 0]
        logits = _classifier(self.num_classes, 0.1, x, self.dtype)
        return (logits, aux_logits) if train and self.aux_heads else logits


TORCHVISION = Layout(
    (
        ("^conv(1a|2a|2b|4a)", r"Conv2d_\1_3x3"), ("^conv3b", "Conv2d_3b_1x1"), (r"^pool(\d)$", r"maxpool\1"),
        ("^mixed", "Mixed_"), ("^aux", "AuxLogits"),
    ),
    preprocessing=Preprocessing(342, 299),
)  # fmt: skip

MODELS = {
    "inception_v3": Entry(
        InceptionV3,
        input_shape=(299, 299, 3),
        paper="Szegedy et al. 2016",
        layouts={"torchvision": TORCHVISION},
    )
}
