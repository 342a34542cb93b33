"""Shift and scale of pixel values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform
from zoo.recipe.part import Part


@dataclass(frozen=True)
class Normalize(Transform):
    """The position in the list of transforms at which the recipe's `normalization` is applied."""


class Normalization(Part, abstract=True):
    """Shift and scale of pixel values from [0, 255] to the network's input."""


@dataclass(frozen=True)
class UnitRange(Normalization):
    """Scales to [0, 1]."""


@dataclass(frozen=True)
class RawRange(Normalization):
    """Leaves pixel values in [0, 255], for networks that expect this, and to study the effect on others."""


@dataclass(frozen=True)
class SignedRange(Normalization):
    """Scales to [-1, 1]."""


@dataclass(frozen=True)
class ChannelMeanStd(Normalization):
    """Scales each channel to mean 0 and standard deviation 1, over the pixels of `sample` training images."""

    default_sources: ClassVar[Mapping[str, str]] = {
        "sample": "ours: 10,000 images are enough for the mean and standard deviation of three channels"
    }

    sample: int = 10_000

    def validate(self) -> None:
        self.require(self.sample > 0, "sample", "positive")


@dataclass(frozen=True)
class FixedMeanStd(Normalization):
    """Subtracts a given mean and divides by a given standard deviation, such as those that weights were trained with.

    Attributes:
      mean, std: of each channel, or one value for all, in units of pixel values from 0 to 255.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def validate(self) -> None:
        self.require(len(self.mean) > 0, "mean", "a value for each channel")
        self.require(len(self.std) == len(self.mean), "std", f"{len(self.mean)} values, as many as mean")
        self.require(all(value > 0 for value in self.std), "std", "positive")


@dataclass(frozen=True)
class PixelMean(Normalization):
    """Subtracts the mean of `sample` training images, without scaling (Krizhevsky et al. 2012, section 2)."""

    default_sources: ClassVar[Mapping[str, str]] = {
        "sample": "ours: 10,000 images give every pixel's mean to a standard error of 0.7 of 255"
    }

    sample: int = 10_000

    def validate(self) -> None:
        self.require(self.sample > 0, "sample", "positive")
