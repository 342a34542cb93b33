"""Mixing of pairs of examples in a batch: images and labels."""

from dataclasses import dataclass

from zoo.recipe.part import Part


class Mixing(Part, abstract=True):
    """Mixing of each example with another one: images and labels are combined with weights lambda and 1 - lambda.

    Lambda is sampled for every example. Examples 2i and 2i + 1 of a batch are mixed with each other: since epochs are
    shuffled, these are random pairs, and they are on the same device if each device has an even number of examples, so
    that there is no communication and the result does not depend on the number of devices. Training accuracy counts the
    label with the larger fraction.
    """


@dataclass(frozen=True)
class PairMixing(Mixing, abstract=True):
    """A method to mix two examples.

    Attributes:
      alpha: parameter of the distribution of lambda, Beta(alpha, alpha).
      probability: probability that an example is mixed.
    """

    alpha: float
    probability: float = 1.0

    def validate(self) -> None:
        self.require(self.alpha > 0, "alpha", "positive")
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


@dataclass(frozen=True)
class Mixup(PairMixing):
    """Mixup: lambda * image + (1 - lambda) * other image (Zhang et al. 2017, arXiv:1710.09412, section 2)."""


@dataclass(frozen=True)
class CutMix(PairMixing):
    """CutMix: replaces a rectangle by that of the other image (Yun et al. 2019, arXiv:1905.04899, section 3.1).

    The rectangle has the aspect ratio of the image and the area 1 - lambda, is centred on a uniformly random pixel and
    is clipped to the image. Labels are mixed by area.
    """


@dataclass(frozen=True)
class OneOf(Mixing):
    """Random choice of one of several methods, with equal probability.

    The method and lambda are sampled for every example; torchvision's references and timm, by default, sample both once
    per batch.

    Attributes:
      mixings: two or more methods, such as (Mixup(0.2), CutMix(1.0)).
    """

    mixings: tuple[PairMixing, ...]

    def validate(self) -> None:
        self.require(len(self.mixings) > 1, "mixings", "two or more")
