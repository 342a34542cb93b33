"""What happens to an image before the network sees it. `zoo.data` carries it out."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.part import Part


class Transform(Part, abstract=True):
    """One operation on one image. Random ones draw from the example's own key."""

    random: ClassVar[bool] = False


@dataclass(frozen=True)
class Resize(Transform):
    """To `size` x `size` pixels, the aspect ratio not kept; bilinear, antialiased when shrinking."""

    size: int

    def validate(self):
        self.require(self.size > 0, "size", "positive")


@dataclass(frozen=True)
class ResizeShort(Transform):
    """The shorter side to `size` pixels, the aspect ratio kept; bilinear, antialiased when shrinking."""

    size: int

    def validate(self):
        self.require(self.size > 0, "size", "positive")


@dataclass(frozen=True)
class CenterCrop(Transform):
    """The `size` x `size` pixels in the middle."""

    size: int

    def validate(self):
        self.require(self.size > 0, "size", "positive")


@dataclass(frozen=True)
class RandomCrop(Transform):
    """`size` x `size` pixels from a uniformly random place, after `padding` zero pixels were added on every side."""

    random: ClassVar[bool] = True

    size: int
    padding: int = 0

    def validate(self):
        self.require(self.size > 0, "size", "positive")
        self.require(self.padding >= 0, "padding", "at least 0")


@dataclass(frozen=True)
class RandomResizedCrop(Transform):
    """A random part of the image, resized to `size` x `size` pixels (Szegedy et al. 2014, section 6).

    Attributes:
      size: pixels.
      min_area, max_area: the part's share of the image's area, uniform.
      max_ratio: of width to height or height to width; the logarithm of the ratio is uniform.
    """

    random: ClassVar[bool] = True

    size: int
    min_area: float = 0.08
    max_area: float = 1.0
    max_ratio: float = 4 / 3

    def validate(self):
        self.require(self.size > 0, "size", "positive")
        self.require(0 < self.min_area <= 1, "min_area", "in (0, 1]")
        self.require(self.min_area <= self.max_area <= 1, "max_area", "between min_area and 1")
        self.require(self.max_ratio >= 1, "max_ratio", "at least 1")


@dataclass(frozen=True)
class HorizontalFlip(Transform):
    """Left and right change places with the given probability."""

    random: ClassVar[bool] = True

    probability: float = 0.5

    def validate(self):
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


@dataclass(frozen=True)
class PCAColor(Transform):
    """Adds to every pixel the principal components of the training pixels' colours, each times its eigenvalue of their
    covariance and a Gaussian with deviation `stddev`, drawn once an image (Krizhevsky et al. 2012, section 4.1).

    Colours count from 0 to 1 here. The paper does not say so, but a variance depends on the unit, and with 0 to 255
    the change would be many times as large as the image.
    """

    random: ClassVar[bool] = True

    stddev: float = 0.1

    def validate(self):
        self.require(self.stddev >= 0, "stddev", "at least 0")


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

    sample: int = 10_000

    def validate(self):
        self.require(self.sample > 0, "sample", "positive")


@dataclass(frozen=True)
class PixelMean(Normalization):
    """Subtracts the mean image of `sample` training images, and leaves the scale (Krizhevsky et al. 2012, section 2)."""

    sample: int = 10_000

    def validate(self):
        self.require(self.sample > 0, "sample", "positive")


@dataclass(frozen=True)
class Augmentation(Part):
    """The transforms for training and for evaluation, in order.

    Images of a data set that has them in one size go through the whole list on the device. Others are decoded and
    brought to one size by the first transforms on the host: `Resize`, `RandomResizedCrop`, or `ResizeShort` and
    `CenterCrop`.
    """

    train: tuple[Transform, ...]
    eval: tuple[Transform, ...]

    def validate(self):
        for name in ("train", "eval"):
            count = sum(isinstance(transform, Normalize) for transform in getattr(self, name))
            self.require(count == 1, name, "a list with exactly one Normalize()")
        self.require(not any(transform.random for transform in self.eval), "eval", "without random transforms")
