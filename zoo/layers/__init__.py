"""Layers shared by the architecture families."""

from zoo.layers.blocks import ConvBN, DropPath, SqueezeExcite
from zoo.layers.conv import Conv
from zoo.layers.normalization import BatchNorm, LocalResponseNorm
from zoo.layers.pooling import AdaptiveAvgPool, AvgPool, MaxPool

__all__ = [
    "AdaptiveAvgPool",
    "AvgPool",
    "BatchNorm",
    "Conv",
    "ConvBN",
    "DropPath",
    "LocalResponseNorm",
    "MaxPool",
    "SqueezeExcite",
]
