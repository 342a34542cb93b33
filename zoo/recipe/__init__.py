"""The parts of a training recipe: typed values that are composed, validated, overridden and saved.

A recipe file needs one import:

    from zoo.recipe import *
"""

from zoo.recipe.augmentation import (
    Augmentation,
    Brightness,
    CenterCrop,
    ChannelMeanStd,
    Contrast,
    CutMix,
    Cutout,
    FixedMeanStd,
    HorizontalFlip,
    Hue,
    Mixup,
    Normalize,
    OneOf,
    PCAColor,
    PixelMean,
    PresetCrop,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    RandomRotation,
    RandomShear,
    RandomShift,
    RandomZoom,
    RawRange,
    Resize,
    ResizeShort,
    Saturation,
    SignedRange,
    TenCrop,
    TrivialAugmentWide,
    UnitRange,
    VerticalFlip,
)
from zoo.recipe.budget import Budget
from zoo.recipe.data import Data
from zoo.recipe.early_stopping import EarlyStopping, ReduceOnPlateau
from zoo.recipe.features import FeatureMeanStd, FeatureRange, ImputeMean, ImputeMedian, Trim, Unscaled, Winsorize
from zoo.recipe.imbalance import SMOTE, ClassWeights, OverSampling, UnderSampling
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
from zoo.recipe.loss import Focal, GeneralizedCrossEntropy, Huber, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.recipe.model import Model
from zoo.recipe.optimizer import LAMB, SGD, Adadelta, Adagrad, Adam, AdamW, ClipByNorm, ClipByValue, Lion, RMSprop
from zoo.recipe.precision import Precision
from zoo.recipe.provenance import CIFAR10_CHOICES, FASHION_MNIST_CHOICES, IMAGENET_CHOICES, IMAGENETTE_CHOICES
from zoo.recipe.recipe import Recipe
from zoo.recipe.regularization import Regularization
from zoo.recipe.schedule import ConstantRate, Cosine, Exponential, MultiStep, OneCycle, Polynomial, Step
from zoo.recipe.study import Study
from zoo.recipe.target import Target
from zoo.recipe.transfer import Transfer
from zoo.recipe.weight_average import WeightAverage

__all__ = [
    "CIFAR10_CHOICES",
    "FASHION_MNIST_CHOICES",
    "IMAGENETTE_CHOICES",
    "IMAGENET_CHOICES",
    "LAMB",
    "SGD",
    "SMOTE",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Augmentation",
    "Brightness",
    "Budget",
    "CenterCrop",
    "ChannelMeanStd",
    "ClassWeights",
    "ClipByNorm",
    "ClipByValue",
    "Constant",
    "ConstantRate",
    "Contrast",
    "Cosine",
    "CutMix",
    "Cutout",
    "Data",
    "EarlyStopping",
    "Exponential",
    "FeatureMeanStd",
    "FeatureRange",
    "FixedMeanStd",
    "Focal",
    "GeneralizedCrossEntropy",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HorizontalFlip",
    "Huber",
    "Hue",
    "ImputeMean",
    "ImputeMedian",
    "Initialization",
    "LeCunNormal",
    "LeCunUniform",
    "Lion",
    "Mixup",
    "Model",
    "MultiStep",
    "Normal",
    "Normalize",
    "OneCycle",
    "OneOf",
    "Orthogonal",
    "OverSampling",
    "PCAColor",
    "PixelMean",
    "Polynomial",
    "Precision",
    "PresetCrop",
    "RMSprop",
    "RandAugment",
    "RandomCrop",
    "RandomErasing",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShear",
    "RandomShift",
    "RandomZoom",
    "RawRange",
    "Recipe",
    "ReduceOnPlateau",
    "Regularization",
    "Resize",
    "ResizeShort",
    "Saturation",
    "SigmoidCrossEntropy",
    "SignedRange",
    "SoftmaxCrossEntropy",
    "Step",
    "Study",
    "Target",
    "TenCrop",
    "Transfer",
    "Trim",
    "TrivialAugmentWide",
    "TruncatedNormal",
    "UnderSampling",
    "UnitRange",
    "Unscaled",
    "VerticalFlip",
    "WeightAverage",
    "Winsorize",
]


def __getattr__(name: str) -> object:
    if name in ("list_recipes", "list_studies", "load_recipe", "load_study"):
        # The parts do not import the catalogue, which imports them.
        raise ImportError(f"{name} has moved: from zoo.catalog import {name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
