"""What happens to vectors of features before the network sees them. `zoo.data.features` carries it out.

Whatever has to be measured is measured on the training split alone, kept with the run, and used for other splits as is.
"""

from dataclasses import dataclass

from zoo.recipe.augmentation import Normalization
from zoo.recipe.part import Part


class FeatureNormalization(Normalization, abstract=True):
    """Shift and scale of every feature by itself."""


@dataclass(frozen=True)
class FeatureMeanStd(FeatureNormalization):
    """To mean 0 and standard deviation 1 (of the population) over the training examples; constant features to 0."""


@dataclass(frozen=True)
class FeatureRange(FeatureNormalization):
    """To [0, 1]: the training examples' least and greatest value become 0 and 1; constant features become 0."""


@dataclass(frozen=True)
class Unscaled(FeatureNormalization):
    """Features as they are."""


class Missing(Part, abstract=True):
    """What stands for a missing value."""


@dataclass(frozen=True)
class ImputeMean(Missing):
    """The mean of the feature's values that are there."""


@dataclass(frozen=True)
class ImputeMedian(Missing):
    """The median of the feature's values that are there."""


@dataclass(frozen=True)
class Outliers(Part, abstract=True):
    """What becomes of values outside of two quantiles of a feature, each interpolated linearly.

    Quantiles are of the values that are there, before any missing one is filled in.

    Attributes:
      lower, upper: the quantiles.
    """

    lower: float = 0.01
    upper: float = 0.99

    def validate(self) -> None:
        self.require(0 <= self.lower < 0.5, "lower", "in [0, 0.5)")
        self.require(0.5 < self.upper <= 1, "upper", "in (0.5, 1]")


@dataclass(frozen=True)
class Winsorize(Outliers):
    """They become the quantile, in training and in evaluation (Dixon 1960, Annals of Mathematical Statistics 31)."""


@dataclass(frozen=True)
class Trim(Outliers):
    """Training examples with any such value are left out. Evaluation counts every example, as it is."""
