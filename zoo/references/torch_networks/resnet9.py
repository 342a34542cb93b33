"""ResNet-9 of Page 2018."""

import torch
from torch import nn


class ConvBN(nn.Module):
    """A 3x3 convolution without bias, batch normalization, ReLU."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, features, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x)).relu()


class ResNet9(nn.Module):
    """ResNet-9 for CIFAR-10; logits are multiplied by 0.125."""

    def __init__(self) -> None:
        super().__init__()
        self.prep, self.layer1 = ConvBN(3, 64), ConvBN(64, 128)
        self.residual1_1, self.residual1_2 = ConvBN(128, 128), ConvBN(128, 128)
        self.layer2, self.layer3 = ConvBN(128, 256), ConvBN(256, 512)
        self.residual3_1, self.residual3_2 = ConvBN(512, 512), ConvBN(512, 512)
        self.pool1, self.pool2, self.pool3, self.pool4 = (nn.MaxPool2d(size) for size in (2, 2, 2, 4))
        self.fc = nn.Linear(512, 10, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.layer1(self.prep(x)))
        x = x + self.residual1_2(self.residual1_1(x))
        x = self.pool3(self.layer3(self.pool2(self.layer2(x))))
        x = x + self.residual3_2(self.residual3_1(x))
        return 0.125 * self.fc(self.pool4(x).flatten(1))
