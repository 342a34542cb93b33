"""Examples of a batch are mixed in pairs, images and labels alike."""

from dataclasses import dataclass

from zoo.recipe.part import Part


class Mixing(Part, abstract=True):
    """Each example gets a part of another one, with that part of its label.

    Every example draws its own lambda. Its partner is its neighbour in the batch: places 2i and 2i + 1 mix with each other.
    As the order of an epoch is random, a neighbour is any other example; and neighbours share their device whenever each
    device has an even number of examples, so that nothing is sent between devices and nothing depends on their number.
    Accuracy during training is that of the label which has the larger part.
    """


@dataclass(frozen=True)
class PairMixing(Mixing, abstract=True):
    """One way of mixing two examples.

    Attributes:
      alpha: lambda is distributed as Beta(alpha, alpha).
      probability: that an example is mixed at all.
    """

    alpha: float
    probability: float = 1.0

    def validate(self) -> None:
        self.require(self.alpha > 0, "alpha", "positive")
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")


@dataclass(frozen=True)
class Mixup(PairMixing):
    """lambda times the image and (1 - lambda) times the other one (Zhang et al. 2017, arXiv:1710.09412, section 2)."""


@dataclass(frozen=True)
class CutMix(PairMixing):
    """A rectangle with the proportions of the image and the area 1 - lambda, about a uniformly random pixel, shows the other
    image; what lies outside is cut off, and labels count by area (Yun et al. 2019, arXiv:1905.04899, section 3.1).
    """


@dataclass(frozen=True)
class OneOf(Mixing):
    """One of several, each as likely as the others, drawn anew for every example, as its lambda is; torchvision's
    references and timm (by its default) draw both once a batch.

    Attributes:
      mixings: two or more, such as (Mixup(0.2), CutMix(1.0)).
    """

    mixings: tuple[PairMixing, ...]

    def validate(self) -> None:
        self.require(len(self.mixings) > 1, "mixings", "two or more")
