"""Resizing and cropping."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform

MAX_SIDE = 16_384  # pixels; an image of this size takes 3 GB


@dataclass(frozen=True)
class Resize(Transform):
    """Resizes to `size` x `size` pixels, changing the aspect ratio; bilinear, antialiased when shrinking."""

    size: int

    def validate(self) -> None:
        self.require(0 < self.size <= MAX_SIDE, "size", f"from 1 to {MAX_SIDE:,}")


@dataclass(frozen=True)
class ResizeShort(Transform):
    """Resizes the shorter side to `size` pixels, keeping the aspect ratio; bilinear, antialiased when shrinking."""

    size: int

    def validate(self) -> None:
        self.require(0 < self.size <= MAX_SIDE, "size", f"from 1 to {MAX_SIDE:,}")


@dataclass(frozen=True)
class CenterCrop(Transform):
    """Crops the central `size` x `size` pixels."""

    size: int

    def validate(self) -> None:
        self.require(0 < self.size <= MAX_SIDE, "size", f"from 1 to {MAX_SIDE:,}")


@dataclass(frozen=True)
class PresetCrop(Transform):
    """Resizes the shorter side to `resize` pixels and crops the centre, exactly as torchvision and timm evaluate.

    It differs from `ResizeShort` and `CenterCrop` by a pixel for some images: the longer side is rounded down, and an
    odd border is divided by rounding its half to the nearest even number (`torchvision.transforms.Resize`,
    `CenterCrop`).

    Attributes:
      resize: pixels of the shorter side.
      size: height and width of the crop in pixels.
      interpolation: "bilinear" or "bicubic", antialiased when shrinking.
    """

    resize: int
    size: int
    interpolation: str = "bilinear"

    def validate(self) -> None:
        for name in ("resize", "size"):
            self.require(0 < getattr(self, name) <= MAX_SIDE, name, f"from 1 to {MAX_SIDE:,}")
        self.require(self.resize >= self.size, "resize", f"at least the size of the crop, {self.size}")
        self.require(self.interpolation in ("bilinear", "bicubic"), "interpolation", "bilinear or bicubic")


@dataclass(frozen=True)
class TenCrop(Transform):
    """Ten-crop evaluation: four corners, the centre, and their horizontal flips (Krizhevsky et al. 2012, section 4.1).

    The network's predictions for the ten crops are averaged. For evaluation only, as the last transform.

    Attributes:
      size: height and width of the crops in pixels.
      average: what is averaged: "probabilities", as in the paper, or "logits".
    """

    size: int
    average: str = "probabilities"

    def validate(self) -> None:
        self.require(0 < self.size <= MAX_SIDE, "size", f"from 1 to {MAX_SIDE:,}")
        self.require(self.average in ("probabilities", "logits"), "average", "probabilities or logits")


@dataclass(frozen=True)
class RandomCrop(Transform):
    """Crops `size` x `size` pixels at a uniformly random position, after padding every side by `padding` pixels.

    Attributes:
      size: height and width of the crop in pixels.
      padding: width of the padding in pixels.
      fill: content of the padding, see `Transform.require_fill`.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    size: int
    padding: int = 0
    fill: str = "constant"

    def validate(self) -> None:
        self.require(0 < self.size <= MAX_SIDE, "size", f"from 1 to {MAX_SIDE:,}")
        self.require(0 <= self.padding <= MAX_SIDE, "padding", f"from 0 to {MAX_SIDE:,}")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomResizedCrop(Transform):
    """Crops a random part of the image and resizes it to `size` x `size` pixels (Szegedy et al. 2014, section 6).

    Attributes:
      size: height and width of the result in pixels.
      min_area, max_area: range of the crop's area, uniform, as a fraction of the image's.
      max_ratio: maximum aspect ratio, of width to height or height to width; the logarithm of the ratio is uniform.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    size: int
    min_area: float = 0.08
    max_area: float = 1.0
    max_ratio: float = 4 / 3

    def validate(self) -> None:
        self.require(0 < self.size <= MAX_SIDE, "size", f"from 1 to {MAX_SIDE:,}")
        self.require(0 < self.min_area <= 1, "min_area", "in (0, 1]")
        self.require(self.min_area <= self.max_area <= 1, "max_area", "between min_area and 1")
        self.require(self.max_ratio >= 1, "max_ratio", "at least 1")
