"""The batches of a program made from a user's loaders, and those changes of a variant that only concern batches."""

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.doctor.adapters.loader import Batch, Loader
from zoo.errors import ZooError, reason

# Examples, and values of images, whose mean and standard deviation inputs are standardized with.
MEASURED = 2_000, 2**24
# Examples, and values of images, that are kept in memory to be delivered in a random order.
SHUFFLED = 20_000, 2**28
# The changes that a program of a user's framework can make, and the values that it accepts.
ACCEPTED: Mapping[str, Callable[[Any], bool]] = {
    "rate": lambda value: isinstance(value, int | float) and value > 0,
    "optimizer": lambda value: value == "adam",
    "loss": lambda value: value in ("cross_entropy", "cross_entropy_of_logarithms"),
    "standardize": lambda value: value is True,
    "regularization": lambda value: value is False,
    "initialization": lambda value: value == "he",
    "schedule": lambda value: value == "constant",
    "batch_size": lambda value: isinstance(value, int) and value > 0,
    "shuffle": lambda value: value is True,
}


class Reached(BaseException):
    """Ends a forward pass at the layer whose input is wanted; not an `Exception`, which frameworks catch and reword."""


def check_changes(changes: Mapping[str, Any]) -> None:
    """Raises `KeyError` with the name of a change that a program of a user's framework cannot make."""
    for name, value in changes.items():
        if name not in ACCEPTED or not ACCEPTED[name](value):
            raise KeyError(name)


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns an error of a user's network, loss or optimizer into a `ZooError` of one line."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        raise ZooError(f"doctor: {what}: {type(error).__name__}: {reason(error)}") from error


@dataclass(frozen=True)
class Standardization:
    """Subtracts a mean from each channel or feature, the last axis, and divides by a standard deviation."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return ((np.asarray(images, np.float64) - self.mean) / self.deviation).astype(np.float32)


@dataclass(frozen=True)
class Delivery:
    """What a program's batches are, and what happens to their images before the network.

    Attributes:
      train, evaluation: the user's loaders.
      batch: size of training batches.
      per_epoch: training batches in an epoch; None if the loader does not tell.
      resized, shuffled: whether training batches are cut anew to that size, and delivered in a random order.
      standardization: of the images of both; None for none.
    """

    train: Loader
    evaluation: Loader
    batch: int
    per_epoch: int | None
    resized: bool = False
    shuffled: bool = False
    standardization: Standardization | None = None

    def changed(self, changes: Mapping[str, Any]) -> "Delivery":
        """Returns the delivery, at its start, with those changes of a variant that concern it."""
        new = dataclasses.replace(self, train=self.train.again(), evaluation=self.evaluation.again())
        if "standardize" in changes:
            new = dataclasses.replace(new, standardization=measured(self.train.again()))
        if "batch_size" in changes:
            size = changes["batch_size"]
            count = None if self.per_epoch is None else max(self.per_epoch * self.batch // size, 1)
            new = dataclasses.replace(new, batch=size, per_epoch=count, resized=True)
        if "shuffle" in changes:
            new = dataclasses.replace(new, shuffled=True)
        return new

    @functools.cached_property
    def batches(self) -> Iterable[Batch]:
        """Training batches, as delivered."""
        if self.shuffled:
            return Shuffled(self.train, self.batch)
        return Rebatched(self.train, self.batch) if self.resized else self.train

    def scaled(self, images: np.ndarray) -> np.ndarray:
        """Returns what the network is given for images as delivered."""
        return np.asarray(images) if self.standardization is None else self.standardization(images)


def measured(batches: Iterable[Batch]) -> Standardization:
    """Returns the standardization by the statistics of the first batches, without values that are not finite."""
    images = take(batches, *MEASURED)[0].astype(np.float64)
    axes = tuple(range(images.ndim - 1)) if images.ndim in (2, 4) else tuple(range(images.ndim))
    finite = np.isfinite(images)
    deviation = images.std(axes, where=finite)
    return Standardization(images.mean(axes, where=finite), np.where(deviation > 0, deviation, 1.0))


def take(batches: Iterable[Batch], limit: int, values: int) -> Batch:
    """Returns the first `limit` examples of some batches as one batch; fewer if their images have too many values."""
    images, labels, count = [], [], 0
    for some, of_some in batches:
        images.append(some)
        labels.append(of_some)
        count += len(some)
        if count >= limit or count * some[0].size >= values:
            break
    return np.concatenate(images)[:limit], np.concatenate(labels)[:limit]


@dataclass(frozen=True)
class Rebatched:
    """Batches cut anew, in the same order; examples at the end that fill no batch are left out, unless they are all."""

    batches: Iterable[Batch]
    size: int

    def __iter__(self) -> Iterator[Batch]:
        left: list[Batch] = []
        whole = False
        for batch in self.batches:
            left.append(batch)
            if sum(len(images) for images, _ in left) < self.size:
                continue
            images, labels = (np.concatenate(parts) for parts in zip(*left, strict=True))
            end = len(images) // self.size * self.size
            for start in range(0, end, self.size):
                whole = True
                yield images[start : start + self.size], labels[start : start + self.size]
            left = [(images[end:], labels[end:])]
        if left and not whole:
            images, labels = (np.concatenate(parts) for parts in zip(*left, strict=True))
            yield images, labels


@dataclass(frozen=True)
class Shuffled:
    """The first examples of some batches in a new random order each time, in whole batches of a size."""

    batches: Iterable[Batch]
    size: int
    epochs: Iterator[int] = field(default_factory=itertools.count)

    @functools.cached_property
    def _examples(self):
        return take(self.batches, *SHUFFLED)

    def __iter__(self) -> Iterator[Batch]:
        images, labels = self._examples
        order = np.random.default_rng((0, next(self.epochs))).permutation(len(images))
        for start in range(0, max(len(order) - self.size, 0) + 1, self.size):
            chosen = order[start : start + self.size]
            yield images[chosen], labels[chosen]


def in_parts(images: np.ndarray, apply: Callable[[np.ndarray], np.ndarray], size: int = 256) -> np.ndarray:
    """Returns the results of a function of examples, which is given at most `size` at a time."""
    return np.concatenate([apply(images[start : start + size]) for start in range(0, len(images), size)])
