"""What Keras's `fit` takes as data, as iterables of batches that `fit` would deliver."""

import copy
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.doctor.adapters.draws import Stream
from zoo.doctor.adapters.loader import Loader, as_array, check_loader
from zoo.errors import ZooError

ADVICE = "(x, y) arrays, a PyDataset, a tf.data.Dataset, a DataLoader or a list of batches"


@dataclass(frozen=True)
class Arrays:
    """Batches of two arrays.

    Attributes:
      images, labels: [N, ...].
      size: of batches; the last one may be smaller.
      shuffled: whether they are delivered in a new random order each time.
    """

    images: np.ndarray
    labels: np.ndarray
    size: int
    shuffled: bool

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        count = len(self.images)
        order = np.random.permutation(count) if self.shuffled else np.arange(count)
        for start in range(0, count, self.size):
            chosen = order[start : start + self.size]
            yield self.images[chosen], self.labels[chosen]

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.size)


@dataclass(frozen=True)
class Indexed:
    """The batches of a `keras.utils.PyDataset`, of which `fit` shuffles the order.

    Attributes:
      dataset: a copy of the user's, since it may reorder its examples at the end of an epoch.
      shuffled: whether batches are delivered in a new random order each time.
    """

    dataset: Any
    shuffled: bool

    def __iter__(self) -> Iterator[Any]:
        count = self.dataset.num_batches
        if count is None:
            yield from (self.dataset[index] for index in itertools.count())
        for index in np.random.permutation(count) if self.shuffled else range(count):
            yield self.dataset[int(index)]
        self.dataset.on_epoch_end()

    def __len__(self) -> int:
        if self.dataset.num_batches is None:
            raise TypeError("the data set is endless")
        return self.dataset.num_batches


def source_of(data: Any, name: str, batch_size: int, *, train: bool) -> Iterable[Any]:
    """Returns the batches of data; raises `ZooError` if it is of another kind, or can be iterated over only once.

    Args:
      data: as given to `from_keras`.
      name: of the argument.
      batch_size: of arrays.
      train: whether arrays and batches of a `PyDataset` are shuffled, as `fit` does by default.
    """
    import keras

    if isinstance(data, tuple | list) and len(data) == 2 and all(hasattr(each, "shape") for each in data):
        images, labels = map(as_array, data)
        if len(images) != len(labels):
            raise ZooError(f"doctor: {name} has {len(images)} images, and {len(labels)} labels")
        return Arrays(images, labels, batch_size, train)
    if isinstance(data, keras.utils.PyDataset):
        return Indexed(copy.deepcopy(data), train)
    check_loader(data, name, ADVICE)
    return data


def loader_of(data: Any, name: str, batch_size: int, *, train: bool) -> Loader:
    """Returns data as a loader, see `source_of`."""
    import keras

    first = keras.config.image_data_format() == "channels_first"
    return Loader(source_of(data, name, batch_size, train=train), name, Stream(), first)
