"""Random erasing of parts of an image."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.augmentation.transform import Transform


@dataclass(frozen=True)
class RandomErasing(Transform):
    """Erases a random rectangle (Zhong et al. 2017, arXiv:1708.04896, algorithm 1).

    Area and aspect ratio are resampled until the rectangle is smaller than the image, at most ten times, after which
    the image is left unchanged; its position is sampled last, as in the authors' code. The paper's algorithm resamples
    the position as well.

    Attributes:
      probability: probability of erasing.
      min_area, max_area: range of the rectangle's area, uniform, as a fraction of the image's.
      max_ratio: maximum aspect ratio, height to width, which is uniform from 1 / max_ratio to max_ratio.
      fill: "random", a uniformly random colour from 0 to 255 for each pixel; or "zero", which is black before
        `Normalize()`, and the value that normalizes to 0 after it.
    """

    random: ClassVar[bool] = True

    probability: float = 0.5
    min_area: float = 0.02
    max_area: float = 0.4
    max_ratio: float = 10 / 3
    fill: str = "random"

    @property
    def before_normalize(self) -> bool:  # type: ignore[override]  # a class attribute in other transforms
        return self.fill == "random"

    def validate(self) -> None:
        self.require(0 <= self.probability <= 1, "probability", "in [0, 1]")
        self.require(0 < self.min_area < 1, "min_area", "in (0, 1)")
        self.require(self.min_area <= self.max_area < 1, "max_area", "from min_area to below 1")
        self.require(self.max_ratio >= 1, "max_ratio", "at least 1")
        self.require(self.fill in ("random", "zero"), "fill", "random or zero")


@dataclass(frozen=True)
class Cutout(Transform):
    """Sets a square of `size` x `size` pixels around a uniformly random pixel to 0, clipped to the image.

    See DeVries & Taylor 2017, arXiv:1708.04552, section 3.2, where it is applied after normalization.
    """

    random: ClassVar[bool] = True

    size: int

    def validate(self) -> None:
        self.require(self.size > 0, "size", "positive")
