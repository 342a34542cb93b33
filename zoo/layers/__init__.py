"""Layers that the architecture families share."""

from zoo.layers.conv import Conv
from zoo.layers.normalization import LocalResponseNorm
from zoo.layers.pooling import AdaptiveAvgPool, AvgPool, MaxPool

__all__ = ["AdaptiveAvgPool", "AvgPool", "Conv", "LocalResponseNorm", "MaxPool"]
