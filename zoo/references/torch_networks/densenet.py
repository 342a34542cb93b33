"""DenseNets of Huang et al. 2017, for CIFAR-10."""

from collections import OrderedDict

import torch
from torch import nn


class DenseLayer(nn.Module):
    """A 1x1 bottleneck and a 3x3 convolution, each preceded by normalization and ReLU."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(self.norm1(x).relu())
        return self.conv2(self.norm2(x).relu())


class DenseBlock(nn.Module):
    """Dense layers; each takes the block's input and the outputs of all layers before it, concatenated."""

    def __init__(self, channels: int, growth: int, count: int) -> None:
        super().__init__()
        for index in range(count):
            self.add_module(f"layer{index + 1}", DenseLayer(channels + index * growth, growth))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x)], 1)
        return x


class Transition(nn.Module):
    """Transition layer, which halves the channels, the height and the width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(self.conv(self.norm(x).relu()))


def densenet_bc(depth: int, growth: int) -> nn.Module:
    """Builds DenseNet-BC of table 2: three blocks with (depth - 4) / 6 bottleneck layers each, compression 0.5."""
    channels, count = 2 * growth, (depth - 4) // 6
    layers = OrderedDict(conv0=nn.Conv2d(3, channels, 3, padding=1, bias=False))
    for block in (1, 2, 3):
        layers[f"block{block}"] = DenseBlock(channels, growth, count)
        channels += count * growth
        if block < 3:
            layers[f"transition{block}"] = Transition(channels)
            channels //= 2
    layers |= OrderedDict(
        norm5=nn.BatchNorm2d(channels), relu=nn.ReLU(), avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        classifier=nn.Linear(channels, 10),
    )  # fmt: skip
    return nn.Sequential(layers)
