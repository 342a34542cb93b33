"""Sizes and parts of images."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform

LARGEST_SIDE = 16_384  # pixels; such an image takes 3 GB


@dataclass(frozen=True)
class Resize(Transform):
    """To `size` x `size` pixels, the aspect ratio not kept; bilinear, antialiased when shrinking."""

    size: int

    def validate(self) -> None:
        self.require(0 < self.size <= LARGEST_SIDE, "size", f"from 1 to {LARGEST_SIDE:,}")


@dataclass(frozen=True)
class ResizeShort(Transform):
    """The shorter side to `size` pixels, the aspect ratio kept; bilinear, antialiased when shrinking."""

    size: int

    def validate(self) -> None:
        self.require(0 < self.size <= LARGEST_SIDE, "size", f"from 1 to {LARGEST_SIDE:,}")


@dataclass(frozen=True)
class CenterCrop(Transform):
    """The `size` x `size` pixels in the middle."""

    size: int

    def validate(self) -> None:
        self.require(0 < self.size <= LARGEST_SIDE, "size", f"from 1 to {LARGEST_SIDE:,}")


@dataclass(frozen=True)
class TenCrop(Transform):
    """The `size` x `size` pixels in the four corners and in the middle, and their mirror images; the network's answers
    to the ten are averaged (Krizhevsky et al. 2012, section 4.1). For evaluation, as the last transform.

    Attributes:
      size: pixels.
      average: of what: "probabilities", as in the paper, or "logits".
    """

    size: int
    average: str = "probabilities"

    def validate(self) -> None:
        self.require(0 < self.size <= LARGEST_SIDE, "size", f"from 1 to {LARGEST_SIDE:,}")
        self.require(self.average in ("probabilities", "logits"), "average", "probabilities or logits")


@dataclass(frozen=True)
class RandomCrop(Transform):
    """`size` x `size` pixels from a uniformly random place, after `padding` pixels were added on every side.

    Attributes:
      size, padding: pixels.
      fill: what the padding is made of, see `Transform.require_fill`.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    size: int
    padding: int = 0
    fill: str = "constant"

    def validate(self) -> None:
        self.require(0 < self.size <= LARGEST_SIDE, "size", f"from 1 to {LARGEST_SIDE:,}")
        self.require(0 <= self.padding <= LARGEST_SIDE, "padding", f"from 0 to {LARGEST_SIDE:,}")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomResizedCrop(Transform):
    """A random part of the image, resized to `size` x `size` pixels (Szegedy et al. 2014, section 6).

    Attributes:
      size: pixels.
      min_area, max_area: the part's share of the image's area, uniform.
      max_ratio: of width to height or height to width; the logarithm of the ratio is uniform.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    size: int
    min_area: float = 0.08
    max_area: float = 1.0
    max_ratio: float = 4 / 3

    def validate(self) -> None:
        self.require(0 < self.size <= LARGEST_SIDE, "size", f"from 1 to {LARGEST_SIDE:,}")
        self.require(0 < self.min_area <= 1, "min_area", "in (0, 1]")
        self.require(self.min_area <= self.max_area <= 1, "max_area", "between min_area and 1")
        self.require(self.max_ratio >= 1, "max_ratio", "at least 1")
