"""Network in network of Lin, Chen, Yan 2014, for CIFAR-10."""

from collections import OrderedDict

from torch import nn


def nin_cifar() -> nn.Module:
    """Builds the authors' Caffe definition, whose pools include windows that extend past the edge."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 192, 5, padding=2), relu1=nn.ReLU(),
            cccp1=nn.Conv2d(192, 160, 1), relu_cccp1=nn.ReLU(),
            cccp2=nn.Conv2d(160, 96, 1), relu_cccp2=nn.ReLU(),
            pool1=nn.MaxPool2d(3, 2, ceil_mode=True), drop1=nn.Dropout(0.5),
            conv2=nn.Conv2d(96, 192, 5, padding=2), relu2=nn.ReLU(),
            cccp3=nn.Conv2d(192, 192, 1), relu_cccp3=nn.ReLU(),
            cccp4=nn.Conv2d(192, 192, 1), relu_cccp4=nn.ReLU(),
            pool2=nn.AvgPool2d(3, 2, ceil_mode=True), drop2=nn.Dropout(0.5),
            conv3=nn.Conv2d(192, 192, 3, padding=1), relu3=nn.ReLU(),
            cccp5=nn.Conv2d(192, 192, 1), relu_cccp5=nn.ReLU(),
            cccp6=nn.Conv2d(192, 10, 1), relu_cccp6=nn.ReLU(),
            avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        )
    )  # fmt: skip
