"""Flips, and the random affine maps of Keras's ImageDataGenerator.

    RandomRotation(20), RandomShift(0.2, 0.2), RandomShear(0.2), RandomZoom(0.2), HorizontalFlip()

is `ImageDataGenerator(rotation_range=20, width_shift_range=0.2, height_shift_range=0.2, shear_range=0.2, zoom_range=0.2,
horizontal_flip=True)`, in the order in which Keras multiplies the matrices.
"""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class HorizontalFlip(Transform):
    """Left and right change places with the given probability."""

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    probability: float = 0.5

    def validate(self) -> None:
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


@dataclass(frozen=True)
class VerticalFlip(Transform):
    """Top and bottom change places with the given probability."""

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    probability: float = 0.5

    def validate(self) -> None:
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


class Affine(Transform, abstract=True):
    """A random affine map about the middle of the image; the size stays, and pixels are interpolated bilinearly.

    What comes in from beyond the borders is said by `fill`, see `Transform.require_fill`. Consecutive ones with the same
    `fill` are one map, and the image is interpolated once.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True

    fill: str  # not a field here: each has it as its last one, with a default


@dataclass(frozen=True)
class RandomRotation(Affine):
    """By an angle that is uniform from `-degrees` to `degrees`."""

    degrees: float
    fill: str = "nearest"

    def validate(self) -> None:
        self.require(0 <= self.degrees <= 180, "degrees", "in [0, 180]")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomShift(Affine):
    """To the side and up or down, by parts of the image's width and height uniform in [-width, width], [-height, height]."""

    width: float = 0.0
    height: float = 0.0
    fill: str = "nearest"

    def validate(self) -> None:
        for name in ("width", "height"):
            self.require(0 <= getattr(self, name) <= 1, name, "in [0, 1]")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomShear(Affine):
    """Vertical lines tilt by an angle uniform from `-degrees` to `degrees`: the matrix ((1, -sin), (0, cos)) of Keras.

    Keras's `shear_range` counts degrees too (before its version 2.1 it counted radians), so that the 0.2 of many
    examples can hardly be seen.
    """

    degrees: float
    fill: str = "nearest"

    def validate(self) -> None:
        self.require(0 <= self.degrees < 90, "degrees", "in [0, 90)")
        self.require_fill(self.fill)


@dataclass(frozen=True)
class RandomZoom(Affine):
    """Height and width of the part that is shown, as multiples of the image's, are uniform in [1 - amount, 1 + amount].

    Attributes:
      amount: 0 for none.
      keep_ratio: whether both are the same number; Keras draws two.
      fill: where more than the image is shown.
    """

    amount: float
    keep_ratio: bool = False
    fill: str = "nearest"

    def validate(self) -> None:
        self.require(0 <= self.amount < 1, "amount", "in [0, 1)")
        self.require_fill(self.fill)
