"""A split of a data set: labelled examples with random access, in memory or read from files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from zoo.data.array_checks import check_images, checked_labels
from zoo.errors import ZooError


class Split(Protocol):
    """The interface of a split. It must be picklable, so that worker processes can read it.

    A split may also have a method `identify(update)`, which calls `update`, like that of a hash, with bytes that change
    with any example, its position or its label; a run detects by them that its data has changed.

    Attributes:
      images: all images, uint8 [N, H, W, C], if they are in memory and of equal size, else None. Vectors of features
        are always in memory, float32 [N, 1, 1, F], with NaN for missing values.
      labels: all labels, int32 [N]; None if they are only known by reading every example.
    """

    @property
    def images(self) -> np.ndarray | None: ...

    @property
    def labels(self) -> np.ndarray | None: ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> tuple[bytes | np.ndarray, int]:
        """Reads the example at a position: its image, as an encoded file or uint8 [H, W, C], and its label."""

    def describe(self, index: int) -> str:
        """Returns where the example is from, such as the path of its file."""


@dataclass(frozen=True)
class ArraySplit:
    """A split in memory.

    Attributes:
      images: uint8 images [N, H, W, C], or float32 features [N, 1, 1, F].
      labels: integers [N], converted to int32.
      name: name of the split in messages, such as the path of a file.
      lines: int [N], the line numbers of the examples if they are from a text file.

    Raises:
      ZooError: images or labels have the wrong type or shape, or their numbers differ.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    name: str = "array"
    lines: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_images(self.name, self.images)
        object.__setattr__(self, "labels", checked_labels(self.name, self.labels))
        if len(self.images) != len(self.labels):
            raise ZooError(f"{self.name}: {len(self.images):,} images, but {len(self.labels):,} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def identify(self, update: Callable[[bytes | memoryview], None]) -> None:
        """Calls `update` with all images and labels, see `Split`."""
        for array in (self.images, self.labels):
            update(f"{array.dtype}{array.shape}".encode())
            update(np.ascontiguousarray(array).view(np.uint8).data)

    def read(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index], int(self.labels[index])

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}]" if self.lines is None else f"{self.name}, line {self.lines[index]}"
