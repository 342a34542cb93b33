"""Helpers for tests of image folders, with files that are never decoded."""

import os

import pytest

import zoo
from zoo.errors import ZooError


def fill(folder, count, start=0, suffix=".png"):
    """Writes `count` files with distinct contents that are not images."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        (folder / f"{number}{suffix}").write_bytes(f"{folder} {number}".encode())


def opened(path, **options):
    return zoo.open_source(f"folder:{path}", **options)


def counts(dataset):
    return {
        name: counts
        for name, *counts in zip(dataset.class_names, dataset.report.train, dataset.report.eval, strict=True)
    }


def below(dataset, root):
    """Returns the paths of the training and evaluation split, relative to `root`."""
    return tuple({os.path.relpath(path, root) for path in split.paths} for split in (dataset.train, dataset.eval))


def problem(path, **options):
    with pytest.raises(ZooError) as error:
        opened(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)
