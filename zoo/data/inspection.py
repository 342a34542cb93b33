"""Inspects a data set before training: whether each class has a decodable image, and the range of pixel values."""

from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.decoding import CorruptImage, decode, value_range
from zoo.data.split import Split
from zoo.data.splitting import positions_by_class
from zoo.errors import ZooError, listed, short

SAMPLED_IMAGES = 32  # images of a split whose range of values is checked
MIN_RANGE = 1 / 8  # of the range of a type; a smaller range of values is noted


def inspect(dataset: Dataset) -> list[str]:
    """Returns notes about suspicious labels and pixel values.

    Images of each class are decoded until one succeeds. The range of pixel values is measured on a sample of images,
    evenly spaced over the training split.

    Raises:
      ZooError: no training image of a class can be decoded.
    """
    split = dataset.train
    notes = _label_notes(dataset)
    if split.images is not None or split.labels is None or not len(split):
        return notes
    _check_classes(dataset, split)
    ranges: dict[int, list[tuple[int, int]]] = {}
    for index in np.unique(np.linspace(0, len(split) - 1, SAMPLED_IMAGES).astype(int)):
        encoded, _ = split.read(int(index))
        try:
            if isinstance(encoded, bytes):
                lowest, highest, room = value_range(encoded)
                ranges.setdefault(room, []).append((lowest, highest))
        except CorruptImage:
            continue
    if len(ranges) > 1:
        some, others = (f"{len(of_type)} have {room.bit_length()} bits" for room, of_type in sorted(ranges.items()))
        notes.append(f"of the sampled images, {some} and {others}: the upper eight bits of 16-bit images are used")
    return [*notes, *(line for room, of_type in sorted(ranges.items()) for line in _range_notes(room, of_type))]


def _label_notes(dataset: Dataset) -> list[str]:
    """Returns a note about classes that are evaluated but not trained."""
    train, evaluation = dataset.train.labels, dataset.eval.labels
    if train is None or evaluation is None:
        return []
    untrained = np.setdiff1d(evaluation, train)
    if not len(untrained):
        return []
    count = int(np.isin(evaluation, untrained).sum())
    names = listed([short(dataset.class_names[label]) for label in untrained])
    return [f"no training examples of {names}, but {count:,} in evaluation: these will always count as errors"]


def _range_notes(room: int, ranges: Sequence[tuple[int, int]]) -> list[str]:
    """Returns a note if the values of images of one type cover only a small part of its range."""
    lowest, highest = min(low for low, _ in ranges), max(high for _, high in ranges)
    if highest - lowest >= MIN_RANGE * room:
        return []
    levels = f", which become {(highest >> 8) - (lowest >> 8) + 1} of 256 levels" if room > 255 else ""
    return [
        f"the pixel values of {len(ranges)} sampled images are from {lowest:,} to {highest:,} of {room:,}{levels}: if"
        " this is not intended, rescale them to the full range of their type"
    ]


def _check_classes(dataset: Dataset, split: Split) -> None:
    assert split.labels is not None
    for label, members in positions_by_class(split.labels):
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
                f"{dataset.spec}: none of the {len(members):,} training images of class {dataset.class_names[label]!r}"
                f" can be decoded, such as {reasons[0]}"
            )
