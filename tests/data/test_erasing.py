"""Tests of random erasing and Cutout: position, size, frequency and fill of the rectangles."""

import numpy as np
import pytest
import scipy.stats
from pictures import ALPHA, apply, apply_many, finds_wrong

from verification.traces.transforms import behaves
from verification.traces.transforms import erasing as checks
from zoo.errors import ZooError
from zoo.recipe import *

WHITE = np.full((30, 40, 3), 255, np.uint8)


@pytest.mark.parametrize(
    "transform",
    [RandomErasing(), RandomErasing(0.9, 0.1, 0.2, 2.0, "zero"), Cutout(8), Cutout(7), Cutout(16)],
    ids=str,
)
def test_distributions(transform):
    """Compares with NumPy implementations; each check has a false-alarm rate of 1 in 1000 keys; the key is fixed."""
    passed, found = behaves(transform)
    assert passed, found


@pytest.mark.parametrize(
    ("claimed", "done"),
    [
        (RandomErasing(), RandomErasing(0.8, fill="zero")),
        (RandomErasing(), RandomErasing(max_area=0.2, fill="zero")),
        (RandomErasing(), RandomErasing(max_ratio=1.0, fill="zero")),
        (RandomErasing(), Cutout(20)),
        (Cutout(8), Cutout(9)),
        (Cutout(8), RandomErasing(1.0, fill="zero")),
    ],
    ids=str,
)
def test_checks_reject_other_distributions(claimed, done, monkeypatch):
    assert finds_wrong(checks, claimed, done, monkeypatch)


def test_random_fill_is_uniform_and_other_pixels_are_unchanged():
    erased = apply((RandomErasing(1.0, 0.3, 0.3, 1.0),), WHITE)
    inside = (erased != 255).any(-1)
    rows, columns = np.nonzero(inside)
    assert inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
    assert scipy.stats.kstest(erased[inside].ravel(), scipy.stats.uniform(0, 255).cdf).pvalue > ALPHA


def test_positions_are_uniform_within_the_image():
    erased = apply_many(RandomErasing(1.0, 0.25, 0.25, 1.0, "zero"), WHITE, 600)[..., 0] == 0
    heights = erased.any(2).sum(1)
    assert set(heights) == {round((0.25 * 30 * 40) ** 0.5)}
    tops = erased.any(2).argmax(1)
    counts = np.bincount(tops, minlength=30 - heights[0] + 1)
    assert len(counts) == 30 - heights[0] + 1 and scipy.stats.chisquare(counts).pvalue > ALPHA


def test_centres_of_cutouts_are_uniform_over_all_pixels():
    cut = apply_many(Cutout(1), WHITE, 1500)[..., 0] == 0
    assert (cut.sum((1, 2)) == 1).all()
    place = cut.reshape(1500, -1).argmax(1)
    counts = np.histogram2d(place // 40, place % 40, bins=[6, 8], range=[[0, 30], [0, 40]])[0].ravel()
    assert scipy.stats.chisquare(counts).pvalue > ALPHA


def test_rectangle_that_does_not_fit_leaves_the_image_unchanged():
    np.testing.assert_array_equal(apply((RandomErasing(1.0, 0.9, 0.9, 1.0),), WHITE), WHITE)  # 33 x 33 pixels


def test_bad_values():
    for build, message in (
        (lambda: RandomErasing(1.2), r"RandomErasing.probability must be in \[0, 1\]"),
        (lambda: RandomErasing(min_area=0.5), "RandomErasing.max_area must be from min_area to below 1"),
        (lambda: RandomErasing(fill="mean"), "RandomErasing.fill must be random or zero"),
        (lambda: Cutout(0), "Cutout.size must be positive"),
    ):
        with pytest.raises(ZooError, match=message):
            build()
