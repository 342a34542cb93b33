"""Data sets: two splits of images, or of vectors of features, with labels, each readable at any position.

A vector of F features is an image of one pixel with F channels, [1, 1, F], in float32.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.array_checks import check_labels, check_names, maybe_channels_first
from zoo.data.report import Report, make_report
from zoo.data.split import Split
from zoo.errors import ZooError, shown


@dataclass(frozen=True)
class Dataset:
    """A training and an evaluation split with what they share.

    Attributes:
      spec: how it was asked for, such as "folder:flowers".
      train, eval: the splits.
      class_names: label i is called `class_names[i]`.
      channels: of every image, once decoded; or the number of features.
      feature_names: of vectors of features; None for images.
      left_out: a line about each kind of thing that was seen where the data is and is not used.
      notes: lines about what else to know of it.

    Raises:
      ZooError: one of these is something else, a split's images have other channels, or a label is not one of a class.
    """

    spec: str
    train: Split
    eval: Split
    class_names: Sequence[str]
    channels: int
    feature_names: Sequence[str] | None = None
    left_out: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.spec, str):
            raise ZooError(f"the name of a data set must be a text, not {shown(self.spec)}")
        check_names(self.spec, "class_names", self.class_names)
        if isinstance(self.channels, bool) or not isinstance(self.channels, int | np.integer) or self.channels < 1:
            raise ZooError(f"{self.spec}: channels must be a whole number from 1 on, not {shown(self.channels)}")
        for name, split in (("train", self.train), ("eval", self.eval)):
            if not all(hasattr(split, each) for each in ("images", "labels", "read", "describe", "__len__")):
                raise ZooError(
                    f"{self.spec}: {name} is of type {type(split).__name__}, and must be a split: say zoo.ArraySplit(images, labels)"
                )
        self._check_features()
        for split in (self.train, self.eval):
            if split.images is not None and split.images.shape[-1] != self.channels:
                raise ZooError(
                    f"{split.describe(0) if len(split) else self.spec}: images are {list(split.images.shape[1:])}, height x width x"
                    f" channels, and channels is {self.channels}{maybe_channels_first(split.images)}"
                )
            if split.labels is not None:
                check_labels(split.labels, len(self.class_names), split.describe)

    def _check_features(self):
        vectors = [split.images.dtype == np.float32 for split in (self.train, self.eval) if split.images is not None]
        if self.feature_names is None and any(vectors):
            raise ZooError(
                f"{self.spec}: float32 is for vectors of features: say feature_names=[...], or give images as uint8"
            )
        if self.feature_names is None:
            return
        check_names(self.spec, "feature_names", self.feature_names)
        if len(self.feature_names) != self.channels:
            raise ZooError(
                f"{self.spec}: there are {len(self.feature_names):,} feature_names and {self.channels} features"
            )
        if not all(vectors):
            raise ZooError(
                f"{self.spec}: feature_names are for float32 [examples, 1, 1, features], and these are images"
            )

    @functools.cached_property
    def report(self) -> Report:
        """What it has, what was left out, and what to know of it."""
        return make_report(
            self.spec, self.examples, self.class_names, self.train, self.eval, left_out=self.left_out, notes=self.notes
        )

    @property
    def examples(self) -> str:
        """What an example is called, in the plural."""
        return "images" if self.feature_names is None else "examples"


def check_dataset(dataset: Dataset) -> None:
    """Raises `ZooError` for a data set that nothing can be learned from."""
    if len(dataset.class_names) < 2:
        classes = ", ".join(dataset.class_names) or "none"
        raise ZooError(f"{dataset.spec}: a classifier needs at least two classes, and there is {classes}")
    for split, name in ((dataset.train, "training"), (dataset.eval, "evaluation")):
        if len(split) == 0:
            few = dataset.spec.startswith("folder:") and len(dataset.train) > 0
            why = ": every class has one image, or one folder of images, and none of it can be held out" if few else ""
            raise ZooError(f"{dataset.spec}: there are no {name} {dataset.examples}{why}")


def check_trainable(dataset: Dataset) -> None:
    """Raises `ZooError` if all training examples are of one class, where labels are at hand."""
    labels = dataset.train.labels
    if labels is not None and len(labels) and (labels == labels[0]).all():
        only = dataset.class_names[labels[0]]
        raise ZooError(
            f"{dataset.spec}: all {len(labels):,} training {dataset.examples} are of one class, {shown(only)}: if they are in the"
            " order of their classes, shuffle them before they are split"
        )
