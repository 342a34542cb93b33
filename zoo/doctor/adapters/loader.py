"""A user's loader, as batches of arrays that can be delivered again and again without a trace."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.doctor.adapters.draws import Stream
from zoo.errors import ZooError, reason, shown

Batch = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Loader:
    """A user's loader of batches (images, labels), as an iterable of arrays that starts anew each time.

    Attributes:
      source: the loader.
      name: of the argument that it was given as, for messages.
      stream: the random numbers that it draws.
      channels_first: whether its images are [n, C, H, W]; those that it yields are [n, H, W, C] in any case.
    """

    source: Iterable[Any]
    name: str
    stream: Stream
    channels_first: bool = False

    def __iter__(self) -> Iterator[Batch]:
        with self.stream:
            batches = iter(self.source)
        while True:
            with self.stream:
                batch = next(batches, None)
            if batch is None:
                return
            images, labels = self._arrays(batch)
            yield (last_axis(images) if self.channels_first else images), labels

    def again(self) -> "Loader":
        """Returns the loader at its start: it delivers, and draws, what this one did."""
        return dataclasses.replace(self, stream=self.stream.again())

    def first(self) -> tuple[Any, Any]:
        """Returns the first batch as the user's loader gives it, without using it up."""
        with self.stream.again():
            batch = next(iter(self.source), None)
        if batch is None:
            raise ZooError(f"doctor: {self.name} is empty")
        self._arrays(batch)
        return batch

    def _arrays(self, batch):
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            kind = f"{len(batch)} items" if isinstance(batch, tuple | list) else f"a {type(batch).__name__}"
            raise ZooError(f"doctor: {self.name} gives {kind} for each batch, and must give (images, labels)")
        images, labels = (self._array(item, what) for item, what in zip(batch, ("images", "labels"), strict=True))
        if images.ndim < 2 or labels.ndim < 1 or len(images) != len(labels):
            raise ZooError(
                f"doctor: {self.name} gives images {list(images.shape)} with labels {list(labels.shape)}, and must give"
                " a batch of images with a label each"
            )
        return images, labels

    def _array(self, item, what):
        try:
            array = as_array(item)
        except Exception as error:
            raise ZooError(f"doctor: {self.name} gives {what} that are no array: {reason(error)}") from error
        if array.dtype == object or array.dtype.kind in "US":
            raise ZooError(f"doctor: {self.name} gives {what} as {type(item).__name__}, and must give numbers")
        return array


def as_array(item: Any) -> np.ndarray:
    """Returns a tensor of any framework as an array of its own."""
    if hasattr(item, "detach"):  # of PyTorch
        item = item.detach().cpu()
        if item.is_floating_point() and item.element_size() < 4:
            item = item.float()  # NumPy has no bfloat16
        item = item.numpy()
    return np.array(item)


def check_loader(source: Any, name: str, advice: str) -> None:
    """Raises `ZooError` if a loader can be iterated over only once, or not at all.

    Args:
      source: the loader.
      name: of the argument.
      advice: what to pass instead.
    """
    if isinstance(source, dict) or not isinstance(source, Iterable):
        raise ZooError(f"doctor: {name} is {shown(source)}, which gives no batches: pass {advice}")
    if isinstance(source, Iterator):
        raise ZooError(f"doctor: {name} is an iterator, which cannot be started again: pass {advice}")


def length(source: Any) -> int | None:
    """Returns the number of batches of a loader; None if it does not tell."""
    try:
        return len(source)
    except TypeError:  # it has no length, or that of its data is unknown
        return None


def last_axis(images: np.ndarray) -> np.ndarray:
    """Returns images [n, C, H, W] as [n, H, W, C]; arrays of other ranks as they are."""
    return np.moveaxis(images, 1, -1) if images.ndim == 4 else images


def first_axis(images: np.ndarray) -> np.ndarray:
    """Returns images [n, H, W, C] as [n, C, H, W]; arrays of other ranks as they are."""
    return np.moveaxis(images, -1, 1) if images.ndim == 4 else images
