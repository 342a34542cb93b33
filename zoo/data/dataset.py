"""Data sets: two splits of images, or of vectors of features, with labels, each readable at any position.

A vector of F features is an image of one pixel with F channels, [1, 1, F], in float32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from zoo.errors import ZooError


class Split(Protocol):
    """One split of a data set. It can be pickled, so that worker processes can read it.

    Attributes:
      images: all images, uint8 [N, H, W, C], where the split has them in memory and in one size; None elsewhere. Vectors
        of features are always in memory, float32 [N, 1, 1, F], with NaN for missing values.
      labels: all labels, int32 [N]; None where they can only be had by reading every example.
    """

    @property
    def images(self) -> np.ndarray | None: ...

    @property
    def labels(self) -> np.ndarray | None: ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> tuple[bytes | np.ndarray, int]:
        """The example at a position: its image as an encoded file or as uint8 [H, W, C], and its label."""

    def describe(self, index: int) -> str:
        """Where the example is from, such as the path of its file."""


@dataclass(frozen=True)
class ArraySplit:
    """A split that is in memory as a whole: uint8 images [N, H, W, C], or float32 features [N, 1, 1, F], and int32 labels
    [N]. If examples come from lines of the file `name`, `lines` [N] are their numbers.
    """

    images: np.ndarray
    labels: np.ndarray
    name: str = "array"
    lines: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index], int(self.labels[index])

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}]" if self.lines is None else f"{self.name}, line {self.lines[index]}"


@dataclass(frozen=True)
class Dataset:
    """A training and an evaluation split with what they share.

    Attributes:
      spec: how it was asked for, such as "folder:flowers".
      train, eval: the splits.
      class_names: label i is called `class_names[i]`.
      channels: of every image, once decoded; or the number of features.
      feature_names: of vectors of features; None for images.
      notes: a line for each thing that was left out or assumed when it was opened.
    """

    spec: str
    train: Split
    eval: Split
    class_names: Sequence[str]
    channels: int
    feature_names: Sequence[str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def examples(self) -> str:
        """What an example is called, in the plural."""
        return "images" if self.feature_names is None else "examples"


def check_dataset(dataset: Dataset) -> None:
    """Raises `ZooError` for a data set that nothing can be learned from."""
    if len(dataset.class_names) < 2:
        classes = ", ".join(dataset.class_names) or "none"
        raise ZooError(f"{dataset.spec}: a classifier needs at least two classes, and there is {classes}")
    for name in ("train", "eval"):
        split = getattr(dataset, name)
        if len(split) == 0:
            raise ZooError(f"{dataset.spec}: there are no {name} {dataset.examples}")
        if split.labels is not None:
            check_labels(split.labels, len(dataset.class_names), split.describe)


def check_labels(labels: np.ndarray, num_classes: int, describe: Callable[[int], str]) -> None:
    """Raises `ZooError` if a label is not one of 0 ... num_classes - 1; `describe` says which example label i is of."""
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        first = int(outside[0])
        raise ZooError(f"{describe(first)} has the label {labels[first]}, outside of 0 to {num_classes - 1}")
