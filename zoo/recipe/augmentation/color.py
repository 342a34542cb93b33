"""Random changes of colours."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class PCAColor(Transform):
    """Adds to every pixel the principal components of the training pixels' colours, each times its eigenvalue of their
    covariance and a Gaussian with deviation `stddev`, drawn once an image (Krizhevsky et al. 2012, section 4.1).

    Colours count from 0 to 1 here. The paper does not say so, but a variance depends on the unit, and with 0 to 255
    the change would be many times as large as the image.
    """

    random: ClassVar[bool] = True

    stddev: float = 0.1

    def validate(self) -> None:
        self.require(self.stddev >= 0, "stddev", "at least 0")


@dataclass(frozen=True)
class ColorFactor(Transform, abstract=True):
    """A mix of the image with another one, factor * image + (1 - factor) * other, cut off at 0 and 255.

    The factor is uniform in [max(0, 1 - amount), 1 + amount]. These are the definitions of torchvision's ColorJitter, which
    applies them in random order; a recipe says the order.
    """

    random: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True

    amount: float

    def validate(self) -> None:
        self.require(self.amount >= 0, "amount", "at least 0")


@dataclass(frozen=True)
class Brightness(ColorFactor):
    """Mixed with black."""


@dataclass(frozen=True)
class Contrast(ColorFactor):
    """Mixed with the mean of the image in grey."""


@dataclass(frozen=True)
class Saturation(ColorFactor):
    """Mixed with the image in grey; nothing happens to a grey image."""


@dataclass(frozen=True)
class Hue(Transform):
    """The hue of HSV turns by a part of its circle that is uniform in [-amount, amount]; nothing happens to a grey image."""

    random: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True

    amount: float

    def validate(self) -> None:
        self.require(0 <= self.amount <= 0.5, "amount", "in [0, 0.5]")
