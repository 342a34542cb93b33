"""Stratified splitting: held-out examples, cross-validation folds, and subsets of classes, without overlap."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.split import ArraySplit, Split
from zoo.errors import ZooError, shown, unknown

HELD_OUT_FRACTION = 0.2  # of every class, as the evaluation split of a folder or table without one


@dataclass(frozen=True)
class SubSplit:
    """A subset of the examples of a split that is not an `ArraySplit`.

    Attributes:
      whole: the split.
      indices: int [n], the positions of the examples in it.
      labels, images: of the examples, see `Split`; decoded images may be of another size than those that are read.
    """

    whole: Split
    indices: np.ndarray
    labels: np.ndarray | None
    images: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> tuple[bytes | np.ndarray, int]:
        return self.whole.read(int(self.indices[index]))

    def describe(self, index: int) -> str:
        return self.whole.describe(int(self.indices[index]))


def subset(split: Split, indices: np.ndarray) -> Split:
    """Returns the examples of a split at the given positions, in that order."""
    if isinstance(split, ArraySplit):
        lines = None if split.lines is None else split.lines[indices]
        return dataclasses.replace(split, images=split.images[indices], labels=split.labels[indices], lines=lines)
    images, labels = (None if array is None else array[indices] for array in (split.images, split.labels))
    return SubSplit(split, indices, labels, images)


def all_labels(split: Split) -> np.ndarray:
    """Returns all labels, int32 [N]; reads every example if a split does not have them in memory."""
    if split.labels is not None:
        return split.labels
    return np.array([split.read(index)[1] for index in range(len(split))], np.int32)


def hash_fraction(key: bytes) -> float:
    """Hashes bytes to a number in [0, 1], for splits that do not depend on which other examples there are."""
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64


def folds(labels: np.ndarray, count: int, seed: int, class_names: Sequence[str] | None = None) -> list[np.ndarray]:
    """Splits examples into `count` stratified random folds (Kohavi 1995, section 2.2).

    Args:
      labels: int32 [N].
      count: number of folds.
      seed: seed of the random order.
      class_names: names of the classes for error messages; None for their numbers.

    Returns:
      The positions in each fold, ascending. Sizes of folds differ by at most one, in total and for each class.

    Raises:
      ZooError: a class has fewer examples than there are folds.
    """
    frequencies = np.unique_counts(labels)
    if count < 2:
        raise ZooError(f"cannot make {count} folds: at least 2 are required")
    if frequencies.counts.min() < count:
        rarest = int(frequencies.counts.argmin())
        label = int(frequencies.values[rarest])
        raise ZooError(
            f"cannot make {count} folds: every fold needs an example of every class, but class"
            f" {label if class_names is None else shown(class_names[label])} has {frequencies.counts[rarest]} training"
            " examples"
        )
    random = np.random.default_rng(seed)
    dealt = np.concatenate([random.permutation(np.flatnonzero(labels == label)) for label in frequencies.values])
    return [np.sort(dealt[number::count]) for number in range(count)]


def positions_by_class(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each label that occurs, with the positions of its examples in ascending order."""
    order = np.argsort(labels, kind="stable")
    found, starts = np.unique(labels[order], return_index=True)
    return zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def hold_out(labels: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Splits positions into (kept, held out), deterministically.

    `fraction` of each class is held out, rounded, but at least one example and never all of them. A class with a single
    example keeps it.
    """
    random = np.random.default_rng(0)
    out = np.zeros(len(labels), bool)
    for _, members in positions_by_class(labels):
        of_class = random.permutation(members)
        out[of_class[: min(max(round(fraction * len(of_class)), 1), len(of_class) - 1)]] = True
    return np.flatnonzero(~out), np.flatnonzero(out)


def hold_out_groups(
    labels: np.ndarray, groups: np.ndarray, keys: Sequence[bytes], fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Splits positions into (kept, held out) without splitting groups.

    `fraction` of each class is held out, rounded, but at least one example and never all of them. Groups are chosen by
    a hash of their keys: when examples are added or removed, the others move only as far as the fraction requires. With
    groups of different sizes, the held-out part is the fraction or somewhat less, or the smallest group.

    Args:
      labels: int32 [N].
      groups: int64 [N], group of each example, from 0; a group may have examples of several classes.
      keys: a key of each group that does not depend on the order of groups or on the other groups.
      fraction: held-out fraction of each class.
    """
    classes = int(labels.max()) + 1
    pairs, sizes = np.unique(groups.astype(np.int64) * classes + labels, return_counts=True)
    first = np.searchsorted(pairs, np.arange(len(keys) + 1) * classes).tolist()
    of_pair, sizes_of_pair = (pairs % classes).tolist(), sizes.tolist()  # lists, since most groups have one example
    totals = np.bincount(labels).tolist()
    target = [min(max(round(fraction * total), 1), total - 1) for total in totals]
    taken, out = [0] * len(totals), np.zeros(len(keys), bool)

    def take(group):
        out[group] = True
        for pair in range(first[group], first[group + 1]):
            taken[of_pair[pair]] += sizes_of_pair[pair]

    def fits(group, limits):
        pairs_of_group = range(first[group], first[group + 1])
        return all(taken[of_pair[pair]] + sizes_of_pair[pair] <= limits[of_pair[pair]] for pair in pairs_of_group)

    order = np.argsort([hash_fraction(key) for key in keys], kind="stable").tolist()
    for group in order:
        if fits(group, target):
            take(group)
    all_but_one = [total - 1 for total in totals]
    without = {label: list[int]() for label, total in enumerate(totals) if total > 1 and not taken[label]}
    for group in order if without else ():
        for label in of_pair[first[group] : first[group + 1]]:
            if label in without:
                without[label].append(group)
    for label, own in without.items():
        if not taken[label] and (fitting := [group for group in own if fits(group, all_but_one)]):
            take(min(fitting, key=lambda group: sum(sizes_of_pair[first[group] : first[group + 1]])))
    chosen = out[groups]
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def keep_fractions(labels: np.ndarray, fractions: Mapping[str, float], class_names: Sequence[str]) -> np.ndarray:
    """Returns ascending positions after keeping only a fraction of some classes, rounded, but at least one example.

    Raises:
      ZooError: unknown class.
    """
    for name in fractions:
        if name not in class_names:
            raise unknown("class in data.keep", name, class_names)
    random = np.random.default_rng(0)
    kept = np.ones(len(labels), bool)
    for label, name in enumerate(class_names):
        of_class = random.permutation(np.flatnonzero(labels == label))
        kept[of_class[max(round(fractions.get(name, 1.0) * len(of_class)), 1) :]] = False
    return np.flatnonzero(kept)
