"""Small networks from two articles of January 2025 on training that does not converge, which define them in Keras.

`bn_cnn` is example 3 of "What causes TensorFlow CNN training errors?": a convolution, ReLU, batch normalization, a
max pool and a linear layer, in this order.

`mlp` is the fully connected network of "Why does my TensorFlow 2.1 classification network fail to converge?". Its
example 2 has three variants for 20 features and one probability, from a sigmoid: 20-4-1, called shallow (89
parameters), 20-64-32-1, balanced (3,457), and 20-128-128-128-1, overcomplex (35,841). The balanced one is the canonical
`mlp`; `hidden` selects the others. The canonical input of 20 features is an image of one pixel with 20 channels: (1, 1,
20).

Both return logits where the articles' last layers end in softmax or sigmoid. A softmax needs at least two classes:
train `mlp` with `num_classes=2`, which is equivalent to a sigmoid.
"""

import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.errors import unknown
from zoo.layers import BatchNorm, Conv, MaxPool
from zoo.layers.initializers import VarianceScaling
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry

ACTIVATIONS = ("relu", "tanh", "sigmoid")  # functions of flax.linen


class BNCNN(nn.Module):
    """A convolution and a linear layer: 54,474 parameters and 64 running statistics for 28x28x1 images and 10 classes.

    Kernels have Keras's default initialization, Glorot uniform; biases are zero. Batch normalization has Keras's
    epsilon (1e-3) and momentum (0.99).

    Attributes:
      num_classes: logits.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 4

    num_classes: int = 10
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("BN-CNN", images, self.smallest)
        glorot = VarianceScaling(1.0, "fan_avg", "uniform")
        x = nn.relu(Conv(32, 3, padding="VALID", kernel_init=glorot, dtype=self.dtype, name="conv1")(images))
        x = BatchNorm(use_running_average=not train, momentum=0.99, epsilon=1e-3, dtype=self.dtype, name="bn1")(x)
        x = MaxPool(2, 2, name="pool1")(x)
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        return nn.Dense(self.num_classes, kernel_init=glorot, dtype=self.dtype, name="fc2")(x)


class MLP(nn.Module):
    """Linear layers with activations between them: 3,457 parameters for 20 features and one logit.

    Images [N, H, W, C] are flattened; feature vectors [N, F] are used unchanged. Kernels have Keras's default
    initialization, Glorot uniform; biases are zero.

    Attributes:
      num_classes: logits.
      hidden: widths of the layers before the last one.
      activation: between layers, "relu", "tanh" or "sigmoid".
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 1

    num_classes: int = 1
    hidden: tuple[int, ...] = (64, 32)
    activation: str = "relu"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        if images.ndim == 4:
            require_pixels("MLP", images, self.smallest)
        if self.activation not in ACTIVATIONS:
            raise unknown("activation of mlp", self.activation, ACTIVATIONS)
        activation = getattr(nn, self.activation)  # found at the call, since jax2onnx replaces it during export
        dense = functools.partial(nn.Dense, kernel_init=VarianceScaling(1.0, "fan_avg", "uniform"), dtype=self.dtype)
        x = images.reshape(images.shape[0], math.prod(images.shape[1:]))
        for number, width in enumerate(self.hidden, start=1):
            x = activation(dense(width, name=f"fc{number}")(x))
        return dense(self.num_classes, name=f"fc{len(self.hidden) + 1}")(x)


MODELS = {
    "bn_cnn": Entry(
        BNCNN,
        input_shape=(28, 28, 1),
        paper="article of 2025, What causes TensorFlow CNN training errors?",
        num_classes=10,
        layouts={"torch": Layout(flattened={"fc2": 32})},
    ),
    "mlp": Entry(
        MLP,
        input_shape=(1, 1, 20),
        paper="article of 2025, Why does my TensorFlow 2.1 classification network fail to converge?",
        num_classes=1,
        layouts={"torch": Layout()},
    ),
}
