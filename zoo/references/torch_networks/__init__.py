"""Idiomatic PyTorch implementations of the zoo's networks, written from the papers with PyTorch's own layers.

`python -m zoo.benchmark --against=torch` compares speed with them. They share no code with `zoo/models/`, and so
`verification` compares outputs with them for networks that neither torchvision nor timm has. Files and layers are named
as in the zoo, and inputs are [N, C, H, W].
"""

import functools
from collections.abc import Callable

from torch import nn

from zoo.references.torch_networks.alexnet import alexnet, alexnet_owt
from zoo.references.torch_networks.allconv import all_cnn_c
from zoo.references.torch_networks.articles import bn_cnn, mlp
from zoo.references.torch_networks.densenet import densenet_bc
from zoo.references.torch_networks.googlenet import googlenet
from zoo.references.torch_networks.lenet import lenet5
from zoo.references.torch_networks.nin import nin_cifar
from zoo.references.torch_networks.resnet9 import ResNet9
from zoo.references.torch_networks.resnet_cifar import resnet_cifar
from zoo.references.torch_networks.wide_resnet import wide_resnet
from zoo.references.torch_networks.zfnet import zfnet

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "alexnet": alexnet,
    "alexnet_owt": alexnet_owt,
    "all_cnn_c": all_cnn_c,
    "bn_cnn": bn_cnn,
    "densenet_bc_100_12": functools.partial(densenet_bc, depth=100, growth=12),
    "googlenet": googlenet,
    "lenet5": lenet5,
    "mlp": mlp,
    "nin_cifar": nin_cifar,
    "resnet9": ResNet9,
    **{f"resnet{depth}": functools.partial(resnet_cifar, depth) for depth in (20, 32, 44, 56, 110)},
    "wrn_16_4": functools.partial(wide_resnet, 16, 4),
    "wrn_28_10": functools.partial(wide_resnet, 28, 10),
    "zfnet": zfnet,
}
