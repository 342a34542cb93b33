"""GoogLeNet with batch normalization, as in torchvision: Szegedy et al. 2015, Ioffe and Szegedy 2015.

`googlenet_bn` is torchvision's `googlenet`, ported from TensorFlow. It differs from the paper's network,
zoo/models/googlenet.py, as follows: batch normalization (Ioffe, Szegedy 2015) instead of biases and local response
normalization, 3x3 kernels instead of 5x5, a last pool of 2x2 instead of 3x3, dropout 0.2 instead of 0.4, and auxiliary
heads that start with an adaptive average pool to 4x4 instead of windows of 5x5 with stride 3.

torchvision's `transform_input` is not included: it converts images normalized for torchvision's other weights into what
the weights from TensorFlow expect, and is not part of the network.
"""

import functools
from typing import Any, ClassVar

from zoo.layers import AdaptiveAvgPool, ConvBN
from zoo.layers.initializers import Gaussian, torch_bias
from zoo.models import preprocessing
from zoo.models.googlenet import FLATTENED, GoogLeNet, Parts, dense_layer
from zoo.models.layout import Layout
from zoo.models.registry import Entry


def torchvision_parts(dtype: Any) -> Parts:
    """Returns the parts as in torchvision."""
    gaussian = Gaussian(0.01)  # torchvision truncates at +-2, which is 200 standard deviations
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

    Weights are initialized as in torchvision's `GoogLeNet.__init__`: Gaussian with standard deviation 0.01; biases of
    linear layers have PyTorch's default initialization.

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
    preprocessing=preprocessing.TORCHVISION,
)  # fmt: skip

MODELS = {
    "googlenet_bn": Entry(
        GoogLeNetBN,
        input_shape=(224, 224, 3),
        paper="Szegedy et al. 2015; Ioffe and Szegedy 2015",
        layouts={"torchvision": TORCHVISION},
    )
}
