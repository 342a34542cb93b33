"""Preprocessing of feature vectors, implemented in `zoo.data.features`.

Statistics are measured on the training split only, saved with the run, and applied unchanged to other splits.
"""

from dataclasses import dataclass

from zoo.recipe.augmentation import Normalization
from zoo.recipe.part import Part


class FeatureNormalization(Normalization, abstract=True):
    """Shift and scale of each feature."""


@dataclass(frozen=True)
class FeatureMeanStd(FeatureNormalization):
    """Scales to mean 0 and population standard deviation 1 over the training examples; constant features become 0."""


@dataclass(frozen=True)
class FeatureRange(FeatureNormalization):
    """Scales to [0, 1], from the minimum and maximum over the training examples; constant features become 0."""


@dataclass(frozen=True)
class Unscaled(FeatureNormalization):
    """Leaves features unchanged."""


class Missing(Part, abstract=True):
    """Imputation of missing values."""


@dataclass(frozen=True)
class ImputeMean(Missing):
    """Replaces a missing value by the mean of the feature's present values."""


@dataclass(frozen=True)
class ImputeMedian(Missing):
    """Replaces a missing value by the median of the feature's present values."""


@dataclass(frozen=True)
class Outliers(Part, abstract=True):
    """Treatment of values outside of two quantiles of a feature.

    Quantiles are interpolated linearly, over the present values, before imputation.

    Attributes:
      lower, upper: the probabilities of the two quantiles.
    """

    lower: float = 0.01
    upper: float = 0.99

    def validate(self) -> None:
        self.require(0 <= self.lower < 0.5, "lower", "in [0, 0.5)")
        self.require(0.5 < self.upper <= 1, "upper", "in (0.5, 1]")


@dataclass(frozen=True)
class Winsorize(Outliers):
    """Clips values to the quantiles, in training and evaluation (Dixon 1960, Annals of Mathematical Statistics 31)."""


@dataclass(frozen=True)
class Trim(Outliers):
    """Leaves out training examples with any such value. Evaluation uses every example unchanged."""
