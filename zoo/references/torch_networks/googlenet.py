"""GoogLeNet of Szegedy et al. 2015, without batch normalization."""

from collections import OrderedDict

import torch
from torch import nn


class Inception(nn.Module):
    """Inception module of figure 2b, with a row of table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj."""

    def __init__(self, channels: int, one: int, reduce3: int, three: int, reduce5: int, five: int, proj: int) -> None:
        super().__init__()
        self.branch1 = nn.Conv2d(channels, one, 1)
        self.branch2_reduce = nn.Conv2d(channels, reduce3, 1)
        self.branch2_conv = nn.Conv2d(reduce3, three, 3, padding=1)
        self.branch3_reduce = nn.Conv2d(channels, reduce5, 1)
        self.branch3_conv = nn.Conv2d(reduce5, five, 5, padding=2)
        self.branch4_pool = nn.MaxPool2d(3, 1, padding=1)
        self.branch4_proj = nn.Conv2d(channels, proj, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = (
            self.branch1(x),
            self.branch2_conv(self.branch2_reduce(x).relu()),
            self.branch3_conv(self.branch3_reduce(x).relu()),
            self.branch4_proj(self.branch4_pool(x)),
        )
        return torch.cat(branches, 1).relu()


def googlenet() -> nn.Module:
    """Builds the network of table 1 without auxiliary heads; padding and LRN as in Caffe's bvlc_googlenet."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 64, 7, 2, padding=3), relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, 2, ceil_mode=True), norm1=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            conv2=nn.Conv2d(64, 64, 1), relu2=nn.ReLU(),
            conv3=nn.Conv2d(64, 192, 3, padding=1), relu3=nn.ReLU(),
            norm2=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0), pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
            inception3a=Inception(192, 64, 96, 128, 16, 32, 32),
            inception3b=Inception(256, 128, 128, 192, 32, 96, 64),
            pool3=nn.MaxPool2d(3, 2, ceil_mode=True),
            inception4a=Inception(480, 192, 96, 208, 16, 48, 64),
            inception4b=Inception(512, 160, 112, 224, 24, 64, 64),
            inception4c=Inception(512, 128, 128, 256, 24, 64, 64),
            inception4d=Inception(512, 112, 144, 288, 32, 64, 64),
            inception4e=Inception(528, 256, 160, 320, 32, 128, 128),
            pool4=nn.MaxPool2d(3, 2, ceil_mode=True),
            inception5a=Inception(832, 256, 160, 320, 32, 128, 128),
            inception5b=Inception(832, 384, 192, 384, 48, 128, 128),
            avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.4),
            fc=nn.Linear(1024, 1000),
        )
    )  # fmt: skip
