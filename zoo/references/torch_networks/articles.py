"""Small networks from two articles of 2025, which define them in Keras."""

from collections import OrderedDict

from torch import nn


def bn_cnn() -> nn.Module:
    """Builds a convolution, ReLU, batch normalization with Keras's constants, a pool, and a linear layer, for MNIST."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3), relu1=nn.ReLU(),
            bn1=nn.BatchNorm2d(32, eps=1e-3, momentum=0.01), pool1=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc2=nn.Linear(5408, 10),
        )
    )  # fmt: skip


def mlp() -> nn.Module:
    """Builds the 20-64-32-1 network, for images of one pixel with 20 channels; the sigmoid is part of the loss."""
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(20, 64), relu1=nn.ReLU(),
            fc2=nn.Linear(64, 32), relu2=nn.ReLU(),
            fc3=nn.Linear(32, 1),
        )
    )  # fmt: skip
