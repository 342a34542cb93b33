"""Flips, and the random affine transforms of Keras's ImageDataGenerator.

    RandomRotation(20), RandomShift(0.2, 0.2), RandomShear(0.2), RandomZoom(0.2), HorizontalFlip()

is `ImageDataGenerator(rotation_range=20, width_shift_range=0.2, height_shift_range=0.2, shear_range=0.2,
zoom_range=0.2, horizontal_flip=True)`, in the order in which Keras multiplies the matrices.
"""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class HorizontalFlip(Transform):
    """Flips the image horizontally with the given probability."""

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    probability: float = 0.5

    def validate(self) -> None:
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


@dataclass(frozen=True)
class VerticalFlip(Transform):
    """Flips the image vertically with the given probability."""

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    probability: float = 0.5

    def validate(self) -> None:
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


class Affine(Transform, abstract=True):
    """A random affine transform about the centre of the image, of unchanged size, with bilinear interpolation.

    `fill` determines the pixels from outside of the image, see `Transform.require_fill`. Consecutive affine transforms
    with the same `fill` are composed, so that the image is interpolated once.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    fill: str  # not a field of this class: subclasses have it as their last field, with a default


@dataclass(frozen=True)
class RandomRotation(Affine):
    """Rotation by an angle uniform in [-degrees, degrees]."""

    degrees: float
    fill: str = "nearest"

    def validate(self) -> None:
        self.require(0 <= self.degrees <= 180, "degrees", "in [0, 180]")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomShift(Affine):
    """Translation by fractions of the image's width and height, uniform in [-width, width] and [-height, height]."""

    width: float = 0.0
    height: float = 0.0
    fill: str = "nearest"

    def validate(self) -> None:
        for name in ("width", "height"):
            self.require(0 <= getattr(self, name) <= 1, name, "in [0, 1]")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomShear(Affine):
    """Shear by an angle uniform in [-degrees, degrees], with Keras's matrix ((1, -sin), (0, cos)).

    Keras's `shear_range` is in degrees as well (in radians before version 2.1), so that the 0.2 of many examples is
    barely visible.
    """

    degrees: float
    fill: str = "nearest"

    def validate(self) -> None:
        self.require(0 <= self.degrees < 90, "degrees", "in [0, 90)")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomZoom(Affine):
    """Zoom: height and width of the visible part, as multiples of the image's, are uniform in [1 - amount, 1 + amount].

    Attributes:
      amount: maximum relative change of the size; 0 for none.
      keep_ratio: whether to use one factor for height and width; Keras samples two.
      fill: pixels outside of the image when zooming out, see `Transform.require_fill`.
    """

    amount: float
    keep_ratio: bool = False
    fill: str = "nearest"

    def validate(self) -> None:
        self.require(0 <= self.amount < 1, "amount", "in [0, 1)")
        self.require_fill(self.fill)
