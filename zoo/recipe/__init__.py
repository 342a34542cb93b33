"""What a training run is made of: a `Recipe` and its parts, to be composed, checked, overridden and saved.

    from zoo.recipe import *

is all that a recipe file needs.
"""

from zoo.recipe.augmentation import (
    Augmentation,
    CenterCrop,
    ChannelMeanStd,
    HorizontalFlip,
    Normalize,
    PCAColor,
    PixelMean,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    ResizeShort,
    SignedRange,
    UnitRange,
)
from zoo.recipe.data import Data
from zoo.recipe.features import FeatureMeanStd, FeatureRange, ImputeMean, ImputeMedian, Trim, Unscaled, Winsorize
from zoo.recipe.initialization import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initialization,
    LeCunNormal,
    LeCunUniform,
    Normal,
)
from zoo.recipe.loading import list_recipes, load_recipe
from zoo.recipe.optimization import SGD, ConstantRate, Cosine, MultiStep, Polynomial, Regularization
from zoo.recipe.recipe import Budget, Model, Precision, Recipe, Target
from zoo.recipe.sampling import SMOTE, ClassWeights, OverSampling, UnderSampling

__all__ = [
    "SGD",
    "SMOTE",
    "Augmentation",
    "Budget",
    "CenterCrop",
    "ChannelMeanStd",
    "ClassWeights",
    "Constant",
    "ConstantRate",
    "Cosine",
    "Data",
    "FeatureMeanStd",
    "FeatureRange",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HorizontalFlip",
    "ImputeMean",
    "ImputeMedian",
    "Initialization",
    "LeCunNormal",
    "LeCunUniform",
    "Model",
    "MultiStep",
    "Normal",
    "Normalize",
    "OverSampling",
    "PCAColor",
    "PixelMean",
    "Polynomial",
    "Precision",
    "RandomCrop",
    "RandomResizedCrop",
    "Recipe",
    "Regularization",
    "Resize",
    "ResizeShort",
    "SignedRange",
    "Target",
    "Trim",
    "UnderSampling",
    "UnitRange",
    "Unscaled",
    "Winsorize",
    "list_recipes",
    "load_recipe",
]
