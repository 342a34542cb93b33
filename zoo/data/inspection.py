"""Looks at some images of a data set before it is used: whether each class has one that can be decoded, and how dark they are."""

from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.decoding import CorruptImage, decode, value_range
from zoo.data.split import Split
from zoo.data.splitting import of_classes
from zoo.errors import ZooError, listed, short

LOOKED_AT = 32  # images of a split whose values are looked at
SMALL_PART = 1 / 8  # of the values that a type has room for


def inspect(dataset: Dataset) -> list[str]:
    """Lines about what is striking in the examples.

    Of each class of images, files are decoded until one can be; of some from all over the training split, the values are looked at.

    Raises:
      ZooError: no training image of a class can be decoded.
    """
    split = dataset.train
    notes = _about_labels(dataset)
    if split.images is not None or split.labels is None or not len(split):
        return notes
    _check_classes(dataset, split)
    ranges: dict[int, list[tuple[int, int]]] = {}
    for index in np.unique(np.linspace(0, len(split) - 1, LOOKED_AT).astype(int)):
        encoded, _ = split.read(int(index))
        try:
            if isinstance(encoded, bytes):
                lowest, highest, room = value_range(encoded)
                ranges.setdefault(room, []).append((lowest, highest))
        except CorruptImage:
            continue
    if len(ranges) > 1:
        some, others = (f"{len(of_type)} of {room.bit_length()} bits" for room, of_type in sorted(ranges.items()))
        notes.append(f"of the images that were looked at, {some} and {others}: of 16 bits the upper eight are taken")
    return [*notes, *(line for room, of_type in sorted(ranges.items()) for line in _about_range(room, of_type))]


def _about_labels(dataset: Dataset) -> list[str]:
    """A note about classes that are evaluated and not trained."""
    train, evaluation = dataset.train.labels, dataset.eval.labels
    if train is None or evaluation is None:
        return []
    strange = np.setdiff1d(evaluation, train)
    if not len(strange):
        return []
    count = int(np.isin(evaluation, strange).sum())
    names = listed([short(dataset.class_names[label]) for label in strange])
    return [f"no training example of {names}, and {count:,} to evaluate with: these cannot be right"]


def _about_range(room: int, ranges: Sequence[tuple[int, int]]) -> list[str]:
    """A note if the values of images of one type are a small part of what it has room for."""
    lowest, highest = min(low for low, _ in ranges), max(high for _, high in ranges)
    if highest - lowest >= SMALL_PART * room:
        return []
    levels = f" and come out as {(highest >> 8) - (lowest >> 8) + 1} of 256 levels" if room > 255 else ""
    return [
        f"values of {len(ranges)} images that were looked at are from {lowest:,} to {highest:,} of {room:,}{levels}: if that is"
        " not meant, scale them to the whole range of their type first"
    ]


def _check_classes(dataset: Dataset, split: Split) -> None:
    assert split.labels is not None
    for label, members in of_classes(split.labels):
        reasons = []
        for index in members:
            try:
                encoded, _ = split.read(int(index))
                if isinstance(encoded, bytes):
                    decode(encoded, dataset.channels, 8)
                break
            except (CorruptImage, OSError) as error:
                reasons.append(f"{split.describe(int(index))} ({error})")
        else:
            raise ZooError(
                f"{dataset.spec}: none of the {len(members):,} training images of the class {dataset.class_names[label]!r} can be"
                f" decoded, such as {reasons[0]}"
            )
