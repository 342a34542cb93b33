"""Shift and scale of pixel values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform
from zoo.recipe.part import Part


@dataclass(frozen=True)
class Normalize(Transform):
    """The place in the list where the recipe's `normalization` is applied."""


class Normalization(Part, abstract=True):
    """Shift and scale of pixel values, from 0 to 255, to what the network is fed."""


@dataclass(frozen=True)
class UnitRange(Normalization):
    """To [0, 1]."""


@dataclass(frozen=True)
class RawRange(Normalization):
    """Leaves pixel values as they are, from 0 to 255: for networks that expect it, and to see what it does to others."""


@dataclass(frozen=True)
class SignedRange(Normalization):
    """To [-1, 1]."""


@dataclass(frozen=True)
class ChannelMeanStd(Normalization):
    """To mean 0 and standard deviation 1 in every channel, over the pixels of `sample` training images."""

    default_sources: ClassVar[Mapping[str, str]] = {
        "sample": "ours: 10,000 images are enough for the mean and standard deviation of three channels"
    }

    sample: int = 10_000

    def validate(self) -> None:
        self.require(self.sample > 0, "sample", "positive")


@dataclass(frozen=True)
class PixelMean(Normalization):
    """Subtracts the mean image of `sample` training images, and leaves the scale (Krizhevsky et al. 2012, section 2)."""

    default_sources: ClassVar[Mapping[str, str]] = {
        "sample": "ours: 10,000 images give every pixel's mean to a standard error of 0.7 of 255"
    }

    sample: int = 10_000

    def validate(self) -> None:
        self.require(self.sample > 0, "sample", "positive")
