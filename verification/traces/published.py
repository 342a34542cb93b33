"""Comparison of a data set with the files that its authors published, read here by other code."""

import gzip
import math

import numpy as np

from verification.check import Check, Group
from zoo.data.dataset import Dataset
from zoo.data.split import Split
from zoo.paths import THIRD_PARTY
from zoo.recipe import Data

FASHION_MNIST = THIRD_PARTY / "fashion_mnist"
OF_CLASS = {"train": 6_000, "t10k": 1_000}  # examples of each of ten classes: Xiao et al. 2017, section 2
CHUNK = np.dtype(np.uint64)


def check_published(group: Group, dataset: Dataset, data: Data, validation: Split | None) -> Check:
    """Checks that training, validation and evaluation examples are published ones, with their labels, all and once.

    Args:
      group: of the check.
      dataset: with the training examples that the recipe selects.
      data: the recipe's selection.
      validation: the validation split, which is held out of the published training split; None without one.
    """
    if dataset.spec != "fashion_mnist":
        return group.skip("data", f"only Fashion-MNIST's files are known, not those of {dataset.spec}")
    train, evaluation = published("train"), published("t10k")
    held = [] if validation is None else [("validation", validation)]
    problems = [
        f"the file of {split} labels has not {OF_CLASS[split]:,} examples of each class"
        for split, (_, labels) in (("train", train), ("t10k", evaluation))
        if np.bincount(labels, minlength=10).tolist() != [OF_CLASS[split]] * 10
    ]
    problems += [
        *_foreign([("training", dataset.train), *held], train),
        *_foreign([("evaluation", dataset.eval)], evaluation),
    ]
    selected = OF_CLASS["train"] * sum(data.keep.get(name, 1.0) for name in dataset.class_names)
    room = len(data.keep)  # numbers of examples are whole in each class
    counts = [("training", len(dataset.train) + sum(len(split) for _, split in held), selected, room)]
    if held:
        counts.append(("validation", len(held[0][1]), data.validation * selected, len(dataset.class_names)))
    counts.append(("evaluation", len(dataset.eval), len(evaluation[1]), 0))
    problems += [
        f"there are {found:,} {kind} examples, expected {expected:,.0f}"
        for kind, found, expected, tolerated in counts
        if not abs(found - expected) <= tolerated
    ]
    fine = f"{len(dataset.train):,} training and {len(dataset.eval):,} evaluation examples are those of the authors"
    return group.check("data", not problems, "; ".join(problems[:2]) or f"{fine}, with their labels")


def published(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images, uint8 [N, 28, 28], and labels, uint8 [N], of "train" or "t10k" of Fashion-MNIST."""
    return _read_idx(f"{split}-images-idx3-ubyte.gz"), _read_idx(f"{split}-labels-idx1-ubyte.gz")


def _read_idx(name):
    """Reads an IDX file of bytes: two zeros, the type 8, the number of axes, their sizes as big-endian int32, data."""
    content = gzip.decompress((FASHION_MNIST / name).read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, 4)
    return np.frombuffer(content, np.uint8, math.prod(shape.tolist()), 4 + 4 * axes).reshape(shape)


def _foreign(splits, known):
    """Yields a message for each kind of examples of which some are not among the known ones, or more often."""
    codes, times = np.unique(_codes(*known), return_counts=True)
    left = dict(zip(codes.tolist(), times.tolist(), strict=True))
    for kind, split in splits:
        if split.images is None or split.images.dtype != np.uint8 or split.images[0].size != known[0][0].size:
            yield f"{kind} images are not of 28x28 bytes"
            continue
        wrong = []
        for place, code in enumerate(_codes(split.images, split.labels).tolist()):
            left[code] = left.get(code, 0) - 1
            if left[code] < 0:
                wrong.append(place)
        if wrong:
            yield (
                f"{len(wrong):,} of {len(split):,} {kind} examples, such as {split.describe(wrong[0])}, are not among"
                " the published ones with that label, or are there more often"
            )


def _codes(images, labels):
    """Returns a 64-bit code of each image with its label: another image or label has another one, almost surely."""
    random = np.random.default_rng(0)
    words = np.ascontiguousarray(images.reshape(len(images), -1)).view(CHUNK)
    factors = random.integers(1, 2**63, words.shape[1] + 1, CHUNK) * 2 + 1
    return (words * factors[:-1]).sum(1, dtype=CHUNK) + (labels.astype(CHUNK) + 1) * factors[-1]
