"""Augmentation and preprocessing of images, implemented in `zoo.data`."""

import itertools
from dataclasses import dataclass

from zoo.errors import ZooError
from zoo.recipe.augmentation.color import Brightness, Contrast, Hue, PCAColor, ReverseChannels, Saturation
from zoo.recipe.augmentation.erasing import Cutout, RandomErasing
from zoo.recipe.augmentation.geometry import (
    Affine,
    HorizontalFlip,
    RandomRotation,
    RandomShear,
    RandomShift,
    RandomZoom,
    VerticalFlip,
)
from zoo.recipe.augmentation.mixing import CutMix, Mixing, Mixup, OneOf, PairMixing
from zoo.recipe.augmentation.normalization import (
    ChannelMeanStd,
    FixedMeanStd,
    Normalization,
    Normalize,
    PixelMean,
    RawRange,
    SignedRange,
    UnitRange,
)
from zoo.recipe.augmentation.policies import RandAugment, TrivialAugmentWide
from zoo.recipe.augmentation.resize_crop import (
    CenterCrop,
    PresetCrop,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    ResizeShort,
    TenCrop,
)
from zoo.recipe.augmentation.transform import Transform
from zoo.recipe.part import Part

__all__ = [
    "Affine",
    "Augmentation",
    "Brightness",
    "CenterCrop",
    "ChannelMeanStd",
    "Contrast",
    "CutMix",
    "Cutout",
    "FixedMeanStd",
    "HorizontalFlip",
    "Hue",
    "Mixing",
    "Mixup",
    "Normalization",
    "Normalize",
    "OneOf",
    "PCAColor",
    "PairMixing",
    "PixelMean",
    "PresetCrop",
    "RandAugment",
    "RandomCrop",
    "RandomErasing",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShear",
    "RandomShift",
    "RandomZoom",
    "RawRange",
    "Resize",
    "ResizeShort",
    "ReverseChannels",
    "Saturation",
    "SignedRange",
    "TenCrop",
    "Transform",
    "TrivialAugmentWide",
    "UnitRange",
    "VerticalFlip",
]


@dataclass(frozen=True)
class Augmentation(Part):
    """The transforms of training and evaluation images, in order.

    If all images of a data set have the same size, all transforms run on the device. Otherwise the first ones run on
    the host, after decoding, and bring images to one size: `Resize`, `RandomResizedCrop`, or `ResizeShort` and
    `CenterCrop`.

    Attributes:
      train, eval: lists of transforms, with exactly one `Normalize()` each.
      mixing: mixing of training examples, after all transforms; None for none.
    """

    train: tuple[Transform, ...]
    eval: tuple[Transform, ...]
    mixing: Mixing | None = None

    def validate(self) -> None:
        for name in ("train", "eval"):
            transforms = getattr(self, name)
            count = sum(isinstance(transform, Normalize) for transform in transforms)
            self.require(count == 1, name, "a list with exactly one Normalize()")
            after = itertools.dropwhile(lambda transform: not isinstance(transform, Normalize), transforms)
            for transform in after:
                if transform.before_normalize:
                    kind = type(transform).__name__
                    raise ZooError(
                        f"augmentation.{name}: {kind} is for pixel values from 0 to 255; put it before Normalize()"
                    )
        self.require(not any(transform.random for transform in self.eval), "eval", "without random transforms")
        if any(isinstance(transform, TenCrop) for transform in (*self.train, *self.eval[:-1])):
            raise ZooError("TenCrop is for evaluation: it must be the last transform of augmentation.eval")
