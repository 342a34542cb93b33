"""Looks at some images of a data set before it is used: whether each class has one that can be decoded, and how dark they are."""

import numpy as np

from zoo.data.dataset import Dataset, Split
from zoo.data.decode import CorruptImage, decode, value_range
from zoo.errors import ZooError

LOOKED_AT = 32  # images of a split whose values are looked at
SMALL_PART = 1 / 8  # of the values that a type has room for


def inspect(dataset: Dataset) -> list[str]:
    """Lines about what is striking in the images.

    Of each class, files are decoded until one can be; of some from all over the training split, the values are looked at.

    Raises:
      ZooError: no training image of a class can be decoded.
    """
    split = dataset.train
    if split.images is not None or split.labels is None or not len(split):
        return []
    _check_classes(dataset, split)
    ranges = []
    for index in np.unique(np.linspace(0, len(split) - 1, LOOKED_AT).astype(int)):
        encoded, _ = split.read(int(index))
        try:
            if isinstance(encoded, bytes):
                ranges.append(value_range(encoded))
        except CorruptImage:
            continue
    if not ranges:
        return []
    lowest, highest, room = min(low for low, _, _ in ranges), max(high for _, high, _ in ranges), ranges[0][2]
    if highest - lowest >= SMALL_PART * room:
        return []
    levels = f" and come out as {(highest >> 8) - (lowest >> 8) + 1} of 256 levels" if room > 255 else ""
    return [
        f"values of {len(ranges)} images that were looked at are from {lowest:,} to {highest:,} of {room:,}{levels}: if that is"
        " not meant, scale them to the whole range of their type first"
    ]


def _check_classes(dataset: Dataset, split: Split) -> None:
    assert split.labels is not None
    order = np.argsort(split.labels, kind="stable")
    labels, starts = np.unique(split.labels[order], return_index=True)
    for label, members in zip(labels, np.split(order, starts[1:]), strict=True):
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
