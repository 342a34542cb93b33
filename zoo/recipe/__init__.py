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
    RawRange,
    Resize,
    ResizeShort,
    SignedRange,
    UnitRange,
)
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
    Orthogonal,
    TruncatedNormal,
)
from zoo.recipe.loading import list_recipes, list_studies, load_recipe, load_study
from zoo.recipe.optimization import SGD, ConstantRate, Cosine, MultiStep, Polynomial, Regularization
from zoo.recipe.recipe import Budget, Data, Model, Precision, Recipe, Target
from zoo.recipe.study import Study
from zoo.recipe.transfer import Transfer

__all__ = [
    "SGD",
    "Augmentation",
    "Budget",
    "CenterCrop",
    "ChannelMeanStd",
    "Constant",
    "ConstantRate",
    "Cosine",
    "Data",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HorizontalFlip",
    "Initialization",
    "LeCunNormal",
    "LeCunUniform",
    "Model",
    "MultiStep",
    "Normal",
    "Normalize",
    "Orthogonal",
    "PCAColor",
    "PixelMean",
    "Polynomial",
    "Precision",
    "RandomCrop",
    "RandomResizedCrop",
    "RawRange",
    "Recipe",
    "Regularization",
    "Resize",
    "ResizeShort",
    "SignedRange",
    "Study",
    "Target",
    "Transfer",
    "TruncatedNormal",
    "UnitRange",
    "list_recipes",
    "list_studies",
    "load_recipe",
    "load_study",
]
