"""GoogLeNet with batch normalization, as torchvision has it: Szegedy et al. 2015, Ioffe and Szegedy 2015.

`googlenet_bn` is torchvision's `googlenet`, ported from TensorFlow. Where the paper's network, zoo/models/googlenet.py,
has biases and local response normalization, it has batch normalization (Ioffe, Szegedy 2015); for kernels of 5x5 it has
3x3, for the last pool of 3x3 one of 2x2, and dropout 0.2 for 0.4. Its auxiliary heads start with an average over 4x4
parts of the image, the paper's with windows of 5x5 and stride 3.

torchvision's `transform_input` is not here: it turns images normalized for torchvision's other weights into what those
from TensorFlow expect, and is no part of the network.
"""

import functools
from typing import Any, ClassVar

from zoo.layers import AdaptiveAvgPool, ConvBN
from zoo.layers.initializers import Gaussian, torch_bias
from zoo.models.googlenet import FLATTENED, GoogLeNet, Parts, dense_layer
from zoo.models.layout import Layout
from zoo.models.registry import Entry


def torchvision_parts(dtype: Any) -> Parts:
    """torchvision's parts."""
    gaussian = Gaussian(0.01)  # torchvision cuts it off at +-2, which is 200 deviations away
    return Parts(
        conv=functools.partial(ConvBN, epsilon=1e-3, kernel_init=gaussian, dtype=dtype),
        dense=functools.partial(
            dense_layer,
            kernel_init=gaussian,
            bias_init=lambda fan_in, relu: torch_bias(fan_in),
            dtype=dtype,
        ),
        norm=None,
        kernel=3,
        last_pool=2,
        head_pool=functools.partial(AdaptiveAvgPool, 4),
    )


class GoogLeNetBN(GoogLeNet):
    """torchvision's GoogLeNet: 6,624,904 parameters for 1000 classes; 13,004,888 with auxiliary heads.

    Weights are drawn as in torchvision's `GoogLeNet.__init__`: Gaussian with deviation 0.01; biases of linear layers as
    PyTorch draws them.

    Attributes: as in `GoogLeNet`.
    """

    parts = staticmethod(torchvision_parts)
    smallest: ClassVar[int] = 15

    dropout: float = 0.2


TORCHVISION = Layout(
    (
        (r"^pool(\d)$", r"maxpool\1"),
        (r"(/branch\d)_(reduce|pool)", r"\1.0"), (r"(/branch\d)_(conv|proj)", r"\1.1"),
    ),
    flattened=FLATTENED,
)  # fmt: skip

MODELS = {
    "googlenet_bn": Entry(
        GoogLeNetBN,
        input_shape=(224, 224, 3),
        paper="Szegedy et al. 2015; Ioffe and Szegedy 2015",
        layouts={"torchvision": TORCHVISION},
    )
}
