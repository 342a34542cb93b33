"""Parts of an image are taken away."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class RandomErasing(Transform):
    """A random rectangle is painted over (Zhong et al. 2017, arXiv:1708.04896, algorithm 1).

    Area and ratio are drawn anew until the rectangle is smaller than the image, at most ten times (else nothing happens),
    and then its place, as in the authors' code; the algorithm draws the place anew as well.

    Attributes:
      probability: that an image has one.
      min_area, max_area: its share of the image's area, uniform.
      max_ratio: of height to width, uniform from 1 / max_ratio to max_ratio.
      fill: "random", a uniform colour from 0 to 255 for each pixel; or "zero", which is what `Normalize()` makes 0 if this
        comes after it.
    """

    random: ClassVar[bool] = True

    probability: float = 0.5
    min_area: float = 0.02
    max_area: float = 0.4
    max_ratio: float = 10 / 3
    fill: str = "random"

    @property
    def before_normalize(self) -> bool:  # type: ignore[override]  # elsewhere it is the same for all of a class
        return self.fill == "random"

    def validate(self) -> None:
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")
        self.require(0 < self.min_area < 1, "min_area", "in (0, 1)")
        self.require(self.min_area <= self.max_area < 1, "max_area", "from min_area to below 1")
        self.require(self.max_ratio >= 1, "max_ratio", "at least 1")
        self.require(self.fill in ("random", "zero"), "fill", "random or zero")


@dataclass(frozen=True)
class Cutout(Transform):
    """A square of `size` x `size` pixels about a uniformly random pixel becomes 0, as far as it lies inside of the image
    (DeVries & Taylor 2017, arXiv:1708.04552, section 3.2; they do so after normalization).
    """

    random: ClassVar[bool] = True

    size: int

    def validate(self) -> None:
        self.require(self.size > 0, "size", "positive")
