"""Tests of `verification.check` on data of one's own: numbers of examples, frequencies of classes and pixels."""

import dataclasses
import io

import numpy as np
import pytest
from examples import tiny_dataset
from PIL import Image

from verification.like import data


def changed_split(split, images=None, labels=None):
    return dataclasses.replace(
        split, images=split.images if images is None else images, labels=split.labels if labels is None else labels
    )


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda split: split, None),
        (lambda split: changed_split(split, images=split.images[:, ::-1]), "pixels of train"),
        (lambda split: changed_split(split, images=split.images // 2), "pixels of train"),
        (lambda split: changed_split(split, labels=(split.labels + 1) % 10), "pixels of train"),
        (lambda split: changed_split(split, labels=np.minimum(split.labels, 8)), "labels of train"),
        (lambda split: changed_split(split, images=split.images[:900], labels=split.labels[:900]), "examples of train"),
    ],
)
def test_data_of_ones_own(change, name):
    reference = tiny_dataset()
    mine = dataclasses.replace(reference, train=change(reference.train))
    failed = [check.name for check in data.check_data("mine", mine, reference) if check.status == "fail"]
    assert next(iter(failed), None) == name


class Files:
    """A split of PNG files, some of which are cut off."""

    images = None

    def __init__(self, split, damaged):
        self.split, self.labels, self.damaged = split, split.labels, damaged

    def __len__(self):
        return len(self.split)

    def describe(self, index):
        return self.split.describe(index)

    def read(self, index):
        pixels, label = self.split.read(index)
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze(-1)).save(file, "PNG")
        content = file.getvalue()
        return (content[: len(content) // 2] if index in self.damaged else content), label


@pytest.mark.parametrize(("part", "failed"), [(0.0, None), (0.1, None), (1.0, "examples of train")])
def test_damaged_images_are_left_out_of_comparisons(part, failed):
    reference = tiny_dataset()
    count = len(reference.train)
    damaged = set(np.flatnonzero(np.random.default_rng(0).random(count) < part))
    mine = dataclasses.replace(reference, train=Files(reference.train, damaged))
    checks = {check.name: check for check in data.check_data("mine", mine, reference)}
    assert next((name for name, check in checks.items() if check.status == "fail"), None) == failed
    assert (f"{len(damaged)} of {count} cannot be decoded" in checks["examples of train"].detail) == bool(damaged)


def test_other_data_is_not_compared():
    reference = tiny_dataset()
    other = dataclasses.replace(reference, class_names=(*reference.class_names, "another"))
    (check,) = data.check_data("mine", other, reference)
    assert check.status == "skip" and "11 classes" in check.detail
