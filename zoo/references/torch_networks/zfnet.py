"""ZFNet of Zeiler and Fergus 2014."""

import functools
from collections import OrderedDict

from torch import nn


def zfnet() -> nn.Module:
    """Builds the network of figure 3, for 224 pixels; LRN as in AlexNet, where PyTorch divides alpha by the size."""
    response_norm = functools.partial(nn.LocalResponseNorm, size=5, alpha=5e-4, beta=0.75, k=2.0)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 7, 2, padding=1), relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, 2, padding=1), norm1=response_norm(),
            conv2=nn.Conv2d(96, 256, 5, 2), relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(3, 2, padding=1), norm2=response_norm(),
            conv3=nn.Conv2d(256, 384, 3, padding=1), relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding=1), relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding=1), relu5=nn.ReLU(), pool5=nn.MaxPool2d(3, 2),
            flatten=nn.Flatten(),
            fc6=nn.Linear(9216, 4096), relu6=nn.ReLU(), drop6=nn.Dropout(0.5),
            fc7=nn.Linear(4096, 4096), relu7=nn.ReLU(), drop7=nn.Dropout(0.5),
            fc8=nn.Linear(4096, 1000),
        )
    )  # fmt: skip
