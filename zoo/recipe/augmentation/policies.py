"""Augmentation policies: random operations from a list of fourteen."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class RandAugment(Transform):
    """RandAugment: `num_ops` random operations in sequence, all with the same magnitude.

    See Cubuk et al. 2020, arXiv:1909.13719; operations and magnitudes are those of torchvision's RandAugment. The sign
    of shears, translations, rotations and blends is random. Pixels are rounded to integers; pixels from outside of the
    image are black.

    Attributes:
      num_ops: number of operations, the paper's N.
      magnitude: strength of the operations, the paper's M, from 0 to 30.
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
    """TrivialAugment: one random operation with one of 31 magnitudes, as in torchvision; otherwise as `RandAugment`.

    See Müller & Hutter 2021, arXiv:2103.10158, table 1, wide space.
    """

    random: ClassVar[bool] = True
    displaces: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True
