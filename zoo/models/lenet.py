"""LeNet-5: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition".

`lenet5` has the sizes of figure 2 and is the form that the name refers to today. It differs from section II.B in four
ways:

- C3 is fully connected to S2, where table I connects each of its maps with three to six of S2: 2,416 parameters, not
  1,516;
- S2 and S4 are average pools, where the paper's have a coefficient and a bias for each map and an activation: 44
  parameters;
- the activation is tanh, where the paper's is 1.7159 tanh(2x/3);
- the output is linear, for use with softmax, where the paper's measures distances to fixed patterns of +-1.

In total it has 61,706 parameters, where the paper has 60,000.
"""

import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers import AvgPool, Conv
from zoo.layers.window import require_pixels
from zoo.models.layout import Layout
from zoo.models.registry import Entry


def _uniform(key, shape, dtype):
    """Initializes uniformly within +-2.4 / fan_in (appendix A)."""
    bound = 2.4 / math.prod(shape[:-1])
    return jax.random.uniform(key, shape, dtype, -bound, bound)


class LeNet5(nn.Module):
    """LeNet-5: 61,706 parameters for 32x32x1 images and 10 classes.

    Kernels are initialized as in appendix A, uniformly within +-2.4 / fan_in; biases are zero.

    Attributes:
      num_classes: logits.
      dtype: of the computation.
    """

    smallest: ClassVar[int] = 32

    num_classes: int = 10
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        require_pixels("LeNet-5", images, self.smallest)
        conv = functools.partial(Conv, padding="VALID", kernel_init=_uniform, dtype=self.dtype)
        dense = functools.partial(nn.Dense, kernel_init=_uniform, dtype=self.dtype)

        x = nn.tanh(conv(6, 5, name="c1")(images))
        x = AvgPool(2, 2, name="s2")(x)
        x = nn.tanh(conv(16, 5, name="c3")(x))
        x = AvgPool(2, 2, name="s4")(x)
        x = nn.tanh(conv(120, 5, name="c5")(x))
        x = x.reshape(x.shape[0], math.prod(x.shape[1:]))
        x = nn.tanh(dense(84, name="f6")(x))
        return dense(self.num_classes, name="output")(x)


MODELS = {
    "lenet5": Entry(
        LeNet5,
        input_shape=(32, 32, 1),
        paper="LeCun et al. 1998",
        num_classes=10,
        layouts={"torch": Layout(flattened={"f6": 120})},
    ),
}
