"""Random colour transforms."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class PCAColor(Transform):
    """PCA colour augmentation (Krizhevsky et al. 2012, section 4.1).

    Adds to every pixel the principal components of the colours of the training pixels, each multiplied by its
    eigenvalue of their covariance and by a Gaussian with standard deviation `stddev`, sampled once per image.

    Colours are scaled to [0, 1] for this. The paper does not state the unit, but with 0 to 255 the change would be many
    times as large as the image.
    """

    random: ClassVar[bool] = True

    stddev: float = 0.1

    def validate(self) -> None:
        self.require(self.stddev >= 0, "stddev", "at least 0")


@dataclass(frozen=True)
class ReverseChannels(Transform):
    """Reverses the order of the channels, from RGB to BGR, for weights of networks that were trained on BGR images."""


@dataclass(frozen=True)
class ColorFactor(Transform, abstract=True):
    """Blend of the image with another one: factor * image + (1 - factor) * other, clipped to [0, 255].

    The factor is uniform in [max(0, 1 - amount), 1 + amount]. The definitions are those of torchvision's ColorJitter,
    which applies them in random order; here the recipe determines the order.
    """

    random: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True

    amount: float

    def validate(self) -> None:
        self.require(self.amount >= 0, "amount", "at least 0")


@dataclass(frozen=True)
class Brightness(ColorFactor):
    """Random brightness: a blend with black."""


@dataclass(frozen=True)
class Contrast(ColorFactor):
    """Random contrast: a blend with the mean of the grayscale image."""


@dataclass(frozen=True)
class Saturation(ColorFactor):
    """Random saturation: a blend with the grayscale image. Grayscale images do not change."""


@dataclass(frozen=True)
class Hue(Transform):
    """Random hue: rotates the hue in HSV by a fraction of the circle, uniform in [-amount, amount].

    Grayscale images do not change.
    """

    random: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True

    amount: float

    def validate(self) -> None:
        self.require(0 <= self.amount <= 0.5, "amount", "in [0, 0.5]")
