"""Random operations from a list."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class RandAugment(Transform):
    """`num_ops` operations one after the other, each any of the fourteen, all with one strength (Cubuk et al. 2020,
    arXiv:1909.13719), with the operations and strengths of torchvision's RandAugment. The sign of shears, shifts, rotations
    and mixes is random. Pixels are rounded to whole numbers; what comes in from beyond the borders is black.

    Attributes:
      num_ops: the paper's N.
      magnitude: the paper's M, from 0 to 30.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True

    num_ops: int = 2
    magnitude: int = 9

    def validate(self) -> None:
        self.require(self.num_ops > 0, "num_ops", "positive")
        self.require(0 <= self.magnitude <= 30, "magnitude", "from 0 to 30")


@dataclass(frozen=True)
class TrivialAugmentWide(Transform):
    """One operation of the fourteen with one of 31 strengths (Müller & Hutter 2021, arXiv:2103.10158, table 1, the wide
    space), as torchvision has it; otherwise as `RandAugment`.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True
