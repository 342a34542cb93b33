"""Wide ResNets of Zagoruyko and Komodakis 2016, for CIFAR-10."""

from collections import OrderedDict

import torch
from torch import nn


class WideBlock(nn.Module):
    """Pre-activated block B(3,3); a shortcut that changes the shape follows the first normalization and ReLU."""

    def __init__(self, channels: int, features: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, features, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.downsample = None
        if channels != features:
            self.downsample = nn.Conv2d(channels, features, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn1(x).relu()
        shortcut = x if self.downsample is None else self.downsample(y)
        return shortcut + self.conv2(self.bn2(self.conv1(y)).relu())


def wide_resnet(depth: int, widening: int) -> nn.Module:
    """Builds WRN-depth-widening of table 1, with the normalization before the pool that is in the authors' code."""
    layers = OrderedDict(conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False))
    channels = 16
    for group, width in enumerate((16, 32, 64), start=1):
        for index in range((depth - 4) // 6):
            stride = 2 if group > 1 and index == 0 else 1
            layers[f"layer{group}_{index}"] = WideBlock(channels, width * widening, stride)
            channels = width * widening
    layers |= OrderedDict(
        bn=nn.BatchNorm2d(channels), relu=nn.ReLU(), avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        fc=nn.Linear(channels, 10),
    )  # fmt: skip
    return nn.Sequential(layers)
