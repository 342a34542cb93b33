"""Tests of the comparison of Fashion-MNIST with the files that its authors published."""

import dataclasses

import numpy as np
import pytest

import zoo
from verification.check import Group
from verification.traces.published import check_published
from zoo.data.selection import select
from zoo.data.splitting import subset
from zoo.recipe import Data

GROUP = Group("net", "traces")
WHOLE = Data("fashion_mnist")
SELECTED = Data("fashion_mnist", keep={"Shirt": 0.013, "Coat": 0.5}, validation=0.077)


@pytest.fixture(scope="module")
def dataset():
    return zoo.open_source("fashion_mnist")


def checked(dataset, data=WHOLE):
    selected, validation = select(data, dataset)
    return check_published(GROUP, selected, data, validation)


def changed(dataset, split, images=None, labels=None):
    """Returns the data set with a split whose copied arrays were changed by functions that change them in place."""
    old = getattr(dataset, split)
    new = {"images": old.images.copy(), "labels": old.labels.copy()}
    for array, change in ((new["images"], images), (new["labels"], labels)):
        if change:
            change(array)
    return dataclasses.replace(dataset, **{split: dataclasses.replace(old, **new)})


@pytest.mark.parametrize("data", [WHOLE, SELECTED])
def test_what_was_published_passes(dataset, data):
    check = checked(dataset, data)
    assert check.status == "pass", check.detail


def exchange(first, second):
    def change(array):
        array[[first, second]] = array[[second, first]]

    return change


def set_pixel(images):
    images[17, 3, 4] ^= 1


def transpose(images):
    images[:] = images.transpose(0, 2, 1, 3).copy()


def set_label(labels):
    labels[17] = (labels[17] + 1) % 10


def repeat(array):
    array[5] = array[6]


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"images": set_pixel}, 1),
        ({"labels": set_label}, 1),
        ({"images": exchange(0, 1)}, 2),  # an ankle boot and a shirt, with each other's labels
        ({"images": repeat, "labels": repeat}, 1),
        ({"images": transpose}, None),
    ],
)
def test_every_changed_example_is_counted(dataset, split, changes, count):
    check = checked(changed(dataset, split, **changes))
    assert check.status == "fail"
    if count:
        kind = {"train": "training", "eval": "evaluation"}[split]
        assert check.detail.startswith(f"{count} of {len(getattr(dataset, split)):,} {kind} examples, such as ")


@pytest.mark.parametrize("data", [WHOLE, SELECTED])
def test_missing_examples_are_counted(dataset, data):
    fewer = dataclasses.replace(dataset, train=subset(dataset.train, np.arange(59_900)))
    assert "training examples, expected" in checked(fewer, data).detail
    no_eval = dataclasses.replace(dataset, eval=subset(dataset.eval, np.arange(9_999)))
    assert checked(no_eval, data).detail == "there are 9,999 evaluation examples, expected 10,000"


def test_a_validation_split_that_is_not_held_out_is_found(dataset):
    selected, validation = select(SELECTED, dataset)
    kept, _ = select(dataclasses.replace(SELECTED, validation=0.0), dataset)
    both = dataclasses.replace(selected, train=kept.train)
    check = check_published(GROUP, both, SELECTED, validation)
    assert check.status == "fail" and "validation examples" in check.detail


def test_other_data_is_skipped_with_its_name():
    check = check_published(GROUP, zoo.open_source("synthetic:ringnorm"), Data("synthetic:ringnorm"), None)
    assert check.status == "skip" and check.detail.startswith("only Fashion-MNIST's files are known")
