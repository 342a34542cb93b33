"""ResNets of He et al. 2016 for CIFAR-10."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a parameter-free shortcut (option A), which subsamples pixels and appends zeros."""

    def __init__(self, channels: int, features: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, features, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)
        self.stride, self.added = stride, features - channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return (shortcut + self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))).relu()


def resnet_cifar(depth: int) -> nn.Module:
    """Builds the network of section 4.2: 6n + 2 layers, with 16, 32 and 64 filters on 32, 16 and 8 pixels."""
    layers = OrderedDict(conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU())
    channels = 16
    for stage, features in enumerate((16, 32, 64), start=1):
        for index in range((depth - 2) // 6):
            stride = 2 if stage > 1 and index == 0 else 1
            layers[f"layer{stage}_{index}"] = BasicBlock(channels, features, stride)
            channels = features
    layers |= OrderedDict(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(64, 10))
    return nn.Sequential(layers)
