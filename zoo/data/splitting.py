"""Parts of splits: held out, in folds, or some of each class. Classes keep their shares, and nothing is in two parts."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.split import ArraySplit, Split
from zoo.errors import ZooError, shown, unknown

HELD_OUT = 0.2  # share of every class that becomes the evaluation split of a folder or a table without one


@dataclass(frozen=True)
class SubSplit:
    """Some examples of a split of another kind."""

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
    """The examples of a split at the given positions, in that order."""
    if isinstance(split, ArraySplit):
        lines = None if split.lines is None else split.lines[indices]
        return dataclasses.replace(split, images=split.images[indices], labels=split.labels[indices], lines=lines)
    images, labels = (None if array is None else array[indices] for array in (split.images, split.labels))
    return SubSplit(split, indices, labels, images)


def all_labels(split: Split) -> np.ndarray:
    """int32 [N]; where a split does not have them at hand, every example is read."""
    if split.labels is not None:
        return split.labels
    return np.array([split.read(index)[1] for index in range(len(split))], np.int32)


def hash_fraction(key: bytes) -> float:
    """A number from 0 to 1 that follows from the bytes alone; hold out what is below a share, whatever else is added."""
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64


def folds(labels: np.ndarray, count: int, seed: int, class_names: Sequence[str] | None = None) -> list[np.ndarray]:
    """Deals the examples of every class out to `count` folds in a random order (stratified: Kohavi 1995, section 2.2).

    Args:
      labels: of the examples.
      count: of the folds.
      seed: of the order.
      class_names: what errors call the classes; their numbers if None.

    Returns:
      The positions in each fold, rising. Folds differ by one example at most, and by one of each class.

    Raises:
      ZooError: a class has fewer examples than there are folds.
    """
    frequencies = np.unique_counts(labels)
    if count < 2:
        raise ZooError(f"{count} folds cannot be made: it takes 2 or more")
    if frequencies.counts.min() < count:
        rarest = int(frequencies.counts.argmin())
        label = int(frequencies.values[rarest])
        raise ZooError(
            f"{count} folds cannot be made: every class has to be in each, and class"
            f" {label if class_names is None else shown(class_names[label])} has {frequencies.counts[rarest]} training"
            " examples"
        )
    random = np.random.default_rng(seed)
    dealt = np.concatenate([random.permutation(np.flatnonzero(labels == label)) for label in frequencies.values])
    return [np.sort(dealt[number::count]) for number in range(count)]


def of_classes(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each label that there is, with the positions of its examples, rising."""
    order = np.argsort(labels, kind="stable")
    found, starts = np.unique(labels[order], return_index=True)
    return zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def hold_out(labels: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Cuts positions into (kept, held out): `share` of each class, rounded, but one example at least and never all.

    The same ones each time. A class with a single example keeps it.
    """
    random = np.random.default_rng(0)
    out = np.zeros(len(labels), bool)
    for _, members in of_classes(labels):
        of_class = random.permutation(members)
        out[of_class[: min(max(round(share * len(of_class)), 1), len(of_class) - 1)]] = True
    return np.flatnonzero(~out), np.flatnonzero(out)


def hold_out_groups(
    labels: np.ndarray, groups: np.ndarray, keys: Sequence[bytes], share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts positions into (kept, held out), the examples of a group all on one side: `share` of each class, rounded, but one
    example at least and never all.

    Which groups are held out goes by a hash of their keys: when examples come or go, no more of the others change sides
    than the share takes. With groups of different sizes it is the share or somewhat less, or the smallest group.

    Args:
      labels: int32 [N].
      groups: int64 [N], numbers of groups, from 0 on; a group may have examples of several classes.
      keys: of each group, what stands for it in every order and company.
      share: of each class.
    """
    classes = int(labels.max()) + 1
    pairs, sizes = np.unique(groups.astype(np.int64) * classes + labels, return_counts=True)
    first = np.searchsorted(pairs, np.arange(len(keys) + 1) * classes).tolist()
    of_pair, sizes_of_pair = (pairs % classes).tolist(), sizes.tolist()  # lists, as most groups are of one example
    totals = np.bincount(labels).tolist()
    target = [min(max(round(share * total), 1), total - 1) for total in totals]
    taken, out = [0] * len(totals), np.zeros(len(keys), bool)

    def take(group):
        out[group] = True
        for pair in range(first[group], first[group + 1]):
            taken[of_pair[pair]] += sizes_of_pair[pair]

    def fits(group, most):
        pairs_of_group = range(first[group], first[group + 1])
        return all(taken[of_pair[pair]] + sizes_of_pair[pair] <= most[of_pair[pair]] for pair in pairs_of_group)

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


def keep_shares(labels: np.ndarray, shares: Mapping[str, float], class_names: Sequence[str]) -> np.ndarray:
    """The positions that are left, rising, when of some classes only a share is kept (rounded, one example at least).

    Raises:
      ZooError: there is no such class.
    """
    for name in shares:
        if name not in class_names:
            raise unknown("class in data.keep", name, class_names)
    random = np.random.default_rng(0)
    kept = np.ones(len(labels), bool)
    for label, name in enumerate(class_names):
        of_class = random.permutation(np.flatnonzero(labels == label))
        kept[of_class[max(round(shares.get(name, 1.0) * len(of_class)), 1) :]] = False
    return np.flatnonzero(kept)
