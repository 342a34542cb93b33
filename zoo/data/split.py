"""One split of a data set: examples that can be read one by one, at any position, in memory or elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from zoo.data.array_checks import check_images, checked_labels
from zoo.errors import ZooError


class Split(Protocol):
    """One split of a data set. It can be pickled, so that worker processes can read it.

    A split may also have a method `identify(update)`, which calls `update` with bytes that change with any example, its
    place or its label: by them a run knows its data again.

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

    Raises:
      ZooError: images or labels have another type or other axes, or there are not as many of both.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    name: str = "array"
    lines: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_images(self.name, self.images)
        object.__setattr__(self, "labels", checked_labels(self.name, self.labels))
        if len(self.images) != len(self.labels):
            raise ZooError(f"{self.name}: there are {len(self.images):,} images and {len(self.labels):,} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def identify(self, update: Callable[[bytes | memoryview], None]) -> None:
        """Passes on all of it, see `Split`."""
        for array in (self.images, self.labels):
            update(f"{array.dtype}{array.shape}".encode())
            update(np.ascontiguousarray(array).view(np.uint8).data)

    def read(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index], int(self.labels[index])

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}]" if self.lines is None else f"{self.name}, line {self.lines[index]}"
