"""Checks of a data set of one's own that is meant to be the reference's: counts, labels and pixels."""

from collections.abc import Iterator

import numpy as np
import scipy.stats

from verification.check import Check, Group
from zoo.data.dataset import Dataset
from zoo.data.decoding import CorruptImage, decode
from zoo.data.selection import sample_indices
from zoo.data.split import Split

SAMPLE = 2_000  # examples of each data set that are compared
GRID = 4  # cells in each direction, whose mean pixels are compared
ALPHA = 1e-4  # probability, over data sets of the same distribution, of a false alarm of each test
MIN_OF_CLASS = 8  # examples of a class in both samples that are needed to compare its pixels


def is_other_data(dataset: Dataset, reference: Dataset) -> str | None:
    """Returns why a data set is not meant to be the reference's: other classes or channels; None if it may be."""
    for what, ours, theirs in (
        ("classes", len(dataset.class_names), len(reference.class_names)),
        ("channels" if dataset.feature_names is None else "features", dataset.channels, reference.channels),
    ):
        if ours != theirs:
            return f"{dataset.spec} has {ours} {what}, {reference.spec} has {theirs}"
    return None


def check_data(subject: str, dataset: Dataset, reference: Dataset) -> Iterator[Check]:
    """Compares numbers of examples, frequencies of classes, and the pixels of each class, for both splits."""
    group = Group(subject, "data")
    if other := is_other_data(dataset, reference):
        yield group.skip("examples", f"another data set than the reference's: {other}")
        return
    for name in ("train", "eval"):
        ours, theirs = getattr(dataset, name), getattr(reference, name)
        counts = f"{len(ours):,} examples in split {name}, the reference has {len(theirs):,}"
        samples = [_sample(split, dataset.channels) for split in (ours, theirs)]
        read, sampled = len(samples[0][1]), len(sample_indices(len(ours), SAMPLE))
        damaged = f"; {sampled - read} of {sampled} cannot be decoded" if read < sampled else ""
        yield group.check(f"examples of {name}", len(ours) == len(theirs) and read > 0, counts + damaged)
        if not read:
            continue
        yield group.check(f"labels of {name}", *_compare_labels(samples, len(dataset.class_names)))
        yield group.check(f"pixels of {name}", *_compare_pixels(samples, dataset.class_names))


def _sample(split: Split, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean pixels in the cells of a grid, [N, cells * channels], and labels [N], of some examples."""
    cells, labels = [], []
    for index in sample_indices(len(split), SAMPLE):
        pixels, label = split.read(int(index))
        try:
            pixels = decode(pixels, channels) if isinstance(pixels, bytes) else pixels
        except CorruptImage:  # left out, as in training
            continue
        rows = np.array_split(pixels.astype(np.float64), min(GRID, len(pixels)))
        parts = [part for row in rows for part in np.array_split(row, min(GRID, row.shape[1]), axis=1)]
        cells.append(np.concatenate([part.mean((0, 1)) for part in parts]))
        labels.append(label)
    return np.array(cells), np.array(labels)


def _compare_labels(samples, classes):
    counts = [np.bincount(labels, minlength=classes) for _, labels in samples]
    present = np.sum(counts, axis=0) > 0
    pvalue = 1.0 if present.sum() < 2 else scipy.stats.chi2_contingency([each[present] for each in counts]).pvalue
    fractions = [each / each.sum() for each in counts]
    worst = int(np.argmax(np.abs(fractions[0] - fractions[1])))
    detail = (
        f"class {worst} has {fractions[0][worst]:.1%} of the examples, in the reference {fractions[1][worst]:.1%};"
        f" p = {pvalue:.1e}, limit {ALPHA:g}"
    )
    return pvalue >= ALPHA, detail, {"value": float(pvalue), "low": ALPHA, "n": len(samples[0][1])}


def _compare_pixels(samples, names):
    """Compares the mean of each cell, class and channel by Welch's tests, with `ALPHA` divided among them."""
    (cells, labels), (right, right_labels) = samples
    if cells.shape[1:] != right.shape[1:]:
        return False, f"images have {cells.shape[1]} values in a grid of {GRID}, the reference's {right.shape[1]}", None
    tests = []
    for number in range(len(names)):
        mine, other = cells[labels == number], right[right_labels == number]
        if min(len(mine), len(other)) < MIN_OF_CLASS:
            continue
        error = np.sqrt(mine.var(0, ddof=1) / len(mine) + other.var(0, ddof=1) / len(other))
        difference = mine.mean(0) - other.mean(0)
        z = np.where(difference == 0, 0.0, difference / np.maximum(error, 1e-9))
        place = int(np.nanargmax(np.abs(z)))
        tests.append((abs(float(z[place])), number, float(mine.mean(0)[place]), float(other.mean(0)[place])))
    if not tests:
        return True, f"no class has {MIN_OF_CLASS} examples in both samples", None
    worst, number, value, expected = max(tests)
    limit = float(scipy.stats.norm.isf(ALPHA / 2 / (len(tests) * cells.shape[1])))
    detail = (
        f"the mean of a cell of class {number} ({names[number]}) is {value:.1f}, in the reference {expected:.1f}:"
        f" {worst:.1f} standard errors, limit {limit:.1f}"
    )
    return worst <= limit, detail, {"value": worst, "high": limit, "alpha": ALPHA, "n": len(labels)}
