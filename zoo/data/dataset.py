"""Data sets: a training and an evaluation split of labelled images or vectors of features, with random access.

A vector of F features is represented as an image of one pixel with F channels, float32 [1, 1, F].
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.array_checks import channels_first_hint, check_labels, check_names
from zoo.data.report import Report, make_report
from zoo.data.split import Split
from zoo.errors import ZooError, shown


@dataclass(frozen=True)
class Dataset:
    """A training and an evaluation split with their common metadata.

    Attributes:
      spec: the name it was opened by, such as "folder:flowers".
      train, eval: the splits.
      class_names: the name of label i is `class_names[i]`.
      channels: number of channels of every decoded image, or the number of features.
      feature_names: names of the features; None for images.
      left_out: one line per kind of file or folder that was found but is not used.
      notes: further remarks about the data, one per line.

    Raises:
      ZooError: an attribute has the wrong type, images have another number of channels, or a label is out of range.
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
            raise ZooError(f"the name of a data set must be a string, not {shown(self.spec)}")
        check_names(self.spec, "class_names", self.class_names)
        if isinstance(self.channels, bool) or not isinstance(self.channels, int | np.integer) or self.channels < 1:
            raise ZooError(f"{self.spec}: channels must be a positive integer, not {shown(self.channels)}")
        for name, split in (("train", self.train), ("eval", self.eval)):
            if not all(hasattr(split, each) for each in ("images", "labels", "read", "describe", "__len__")):
                raise ZooError(
                    f"{self.spec}: {name} is of type {type(split).__name__}; expected a split, such as"
                    " zoo.ArraySplit(images, labels)"
                )
        self._check_features()
        for split in (self.train, self.eval):
            if split.images is not None and split.images.shape[-1] != self.channels:
                raise ZooError(
                    f"{split.describe(0) if len(split) else self.spec}: images have shape"
                    f" {list(split.images.shape[1:])} (height, width, channels), but channels={self.channels}"
                    f"{channels_first_hint(split.images)}"
                )
            if split.labels is not None:
                check_labels(split.labels, len(self.class_names), split.describe)

    def _check_features(self):
        vectors = [split.images.dtype == np.float32 for split in (self.train, self.eval) if split.images is not None]
        if self.feature_names is None and any(vectors):
            raise ZooError(
                f"{self.spec}: float32 is for vectors of features: pass feature_names=[...], or images as uint8"
            )
        if self.feature_names is None:
            return
        check_names(self.spec, "feature_names", self.feature_names)
        if len(self.feature_names) != self.channels:
            raise ZooError(f"{self.spec}: {len(self.feature_names):,} feature_names for {self.channels} features")
        if not all(vectors):
            raise ZooError(
                f"{self.spec}: feature_names require float32 [examples, 1, 1, features], but these are images"
            )

    @functools.cached_property
    def report(self) -> Report:
        """The report of what the data set contains and what was left out."""
        return make_report(
            self.spec, self.examples, self.class_names, self.train, self.eval, left_out=self.left_out, notes=self.notes
        )

    @property
    def examples(self) -> str:
        """The word for its examples: "images" or "examples"."""
        return "images" if self.feature_names is None else "examples"


def check_dataset(dataset: Dataset) -> None:
    """Raises `ZooError` if a data set has fewer than two classes or an empty split."""
    if len(dataset.class_names) < 2:
        classes = ", ".join(dataset.class_names) or "none"
        raise ZooError(f"{dataset.spec}: a classifier needs at least two classes; found {classes}")
    for split, name in ((dataset.train, "training"), (dataset.eval, "evaluation")):
        if len(split) == 0:
            too_few = dataset.spec.startswith("folder:") and len(dataset.train) > 0
            why = ": every class has a single image or a single folder of images, so none can be held out"
            raise ZooError(f"{dataset.spec}: there are no {name} {dataset.examples}{why if too_few else ''}")


def check_trainable(dataset: Dataset) -> None:
    """Raises `ZooError` if all training examples are of one class, provided that labels are in memory."""
    labels = dataset.train.labels
    if labels is not None and len(labels) and (labels == labels[0]).all():
        only = dataset.class_names[labels[0]]
        raise ZooError(
            f"{dataset.spec}: all {len(labels):,} training {dataset.examples} are of one class, {shown(only)}: if they"
            " are sorted by class, shuffle them before splitting"
        )
