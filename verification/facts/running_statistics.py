"""Momentum of each network's batch normalization: the fraction of a running statistic that a training step keeps.

PyTorch and Lua Torch call 1 minus this fraction momentum.
"""

import fnmatch
from collections.abc import Mapping
from typing import NamedTuple

from zoo.recipe import Model


class Momentum(NamedTuple):
    """A momentum, and where it is from."""

    value: float
    source: str


PYTORCH_DEFAULT = Momentum(0.9, "PyTorch's default, which torchvision and timm leave as it is")
TORCH_DEFAULT = Momentum(0.9, "the default of Lua Torch and PyTorch, as in the authors' repositories")
KERAS_DEFAULT = Momentum(0.99, "Keras, BatchNormalization: momentum=0.99")

# By pattern of a network's name; of several that match, the last one counts.
NETWORKS: Mapping[str, Momentum] = {
    "bn_cnn": KERAS_DEFAULT,
    "densenet*": PYTORCH_DEFAULT,
    "densenet_bc*": TORCH_DEFAULT,
    "efficientnet_b[0-4]": PYTORCH_DEFAULT,
    "efficientnet_b[5-7]": Momentum(0.99, "torchvision, efficientnet.py: BatchNorm2d(eps=0.001, momentum=0.01)"),
    "efficientnet_lite*": Momentum(0.99, "Tan & Le 2019, section 5: batch norm momentum 0.99"),
    "googlenet_bn": PYTORCH_DEFAULT,
    "inception_*": PYTORCH_DEFAULT,
    "mnasnet*": Momentum(0.9997, "torchvision, mnasnet.py: _BN_MOMENTUM = 1 - 0.9997"),
    "mobilenet_v1": KERAS_DEFAULT,
    "mobilenet_v2": PYTORCH_DEFAULT,
    "mobilenet_v3*": Momentum(0.99, "Howard et al. 2019, section 6.1.1; torchvision, mobilenetv3.py: momentum=0.01"),
    "regnet*": PYTORCH_DEFAULT,
    "resnet*": PYTORCH_DEFAULT,
    "resnext*": PYTORCH_DEFAULT,
    "resnet9": Momentum(0.9, "cifar10-fast, torch_backend.py: PyTorch's default"),
    "shufflenet*": PYTORCH_DEFAULT,
    "vgg*_bn": PYTORCH_DEFAULT,
    "wide_resnet*": PYTORCH_DEFAULT,
    "wrn*": TORCH_DEFAULT,
    "xception": PYTORCH_DEFAULT,
}


def momentum_of(model: Model) -> Momentum | None:
    """Returns the momentum of a recipe's network: the recipe's own, else that of its source; None if none states it."""
    if "momentum" in model.options:
        return Momentum(model.options["momentum"], "the recipe's model.options")
    return next((NETWORKS[each] for each in reversed(NETWORKS) if fnmatch.fnmatchcase(model.name, each)), None)
