"""AlexNet, with two groups and with one."""

import functools
from collections import OrderedDict

from torch import nn


def alexnet() -> nn.Module:
    """Builds the network of Krizhevsky et al. 2012; alpha is 5e-4 for 1e-4, since PyTorch divides it by the size 5."""
    response_norm = functools.partial(nn.LocalResponseNorm, size=5, alpha=5e-4, beta=0.75, k=2.0)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 11, 4), relu1=nn.ReLU(), norm1=response_norm(), pool1=nn.MaxPool2d(3, 2),
            conv2=nn.Conv2d(96, 256, 5, padding=2, groups=2), relu2=nn.ReLU(), norm2=response_norm(),
            pool2=nn.MaxPool2d(3, 2),
            conv3=nn.Conv2d(256, 384, 3, padding=1), relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding=1, groups=2), relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding=1, groups=2), relu5=nn.ReLU(), pool5=nn.MaxPool2d(3, 2),
            flatten=nn.Flatten(),
            fc6=nn.Linear(9216, 4096), relu6=nn.ReLU(), drop6=nn.Dropout(0.5),
            fc7=nn.Linear(4096, 4096), relu7=nn.ReLU(), drop7=nn.Dropout(0.5),
            fc8=nn.Linear(4096, 1000),
        )
    )  # fmt: skip


def alexnet_owt() -> nn.Module:
    """Builds the network of Krizhevsky 2014, for 224 pixels."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 64, 11, 4, padding=2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(3, 2),
            conv2=nn.Conv2d(64, 192, 5, padding=2), relu2=nn.ReLU(), pool2=nn.MaxPool2d(3, 2),
            conv3=nn.Conv2d(192, 384, 3, padding=1), relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 256, 3, padding=1), relu4=nn.ReLU(),
            conv5=nn.Conv2d(256, 256, 3, padding=1), relu5=nn.ReLU(), pool5=nn.MaxPool2d(3, 2),
            flatten=nn.Flatten(),
            drop6=nn.Dropout(0.5), fc6=nn.Linear(9216, 4096), relu6=nn.ReLU(),
            drop7=nn.Dropout(0.5), fc7=nn.Linear(4096, 4096), relu7=nn.ReLU(),
            fc8=nn.Linear(4096, 1000),
        )
    )  # fmt: skip
