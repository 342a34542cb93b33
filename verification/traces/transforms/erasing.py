"""Checks of erasing transforms on a white picture, against the algorithms in NumPy."""

import dataclasses

import numpy as np
import scipy.stats

from verification.statistics import fraction_is_plausible
from verification.traces.transforms.probe import ALPHA, IMAGES, behaves, many
from zoo.recipe import Cutout, RandomErasing

SAMPLE = 10_000  # erased pixels whose colours are tested


def _black(results):
    """Returns height, width, and first row and column of each black area, and whether all are rectangles."""
    black = results[..., 0] == 0
    rows, columns = black.any(2), black.any(1)
    heights, widths = rows.sum(1), columns.sum(1)
    starts = rows.argmax(1), columns.argmax(1)
    return heights, widths, starts, np.array_equal(black.sum((1, 2)), heights * widths)


def _placed(starts, sizes, side):
    """Returns the p-value of uniform first rows, or columns, of parts of these sizes that fit into a side."""
    inside = np.random.default_rng(0).uniform(size=len(starts))  # makes them continuous, as the test requires
    return scipy.stats.kstest((starts + inside) / (side - sizes + 1), scipy.stats.uniform().cdf).pvalue


@behaves.register
def _random_erasing(transform: RandomErasing):
    height, width = 60, 80
    white = np.full((height, width, 1), 255, np.uint8)
    results = many(dataclasses.replace(transform, fill="zero"), white)
    heights, widths, starts, whole = _black(results)
    erased = heights > 0
    random = np.random.default_rng(0)
    expected = []
    while len(expected) < 20 * IMAGES:
        area = random.uniform(transform.min_area, transform.max_area) * height * width
        ratio = random.uniform(1 / transform.max_ratio, transform.max_ratio)
        tall, wide = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if tall < height and wide < width:
            expected.append((tall, wide))
    pvalue = placed = 1.0
    if erased.any():
        pvalue = min(
            scipy.stats.ks_2samp(sizes[erased], theirs).pvalue
            for sizes, theirs in zip((heights, widths), np.array(expected).T, strict=True)
        )
        placed = min(
            _placed(first[erased], sizes[erased], side)
            for first, sizes, side in zip(starts, (heights, widths), (height, width), strict=True)
        )
    plausible = fraction_is_plausible(int(erased.sum()), IMAGES, transform.probability, ALPHA / 6)
    coloured = _is_noise(many(transform, white), results == 0) if transform.fill == "random" else 1.0
    found = (
        f"{int(erased.sum())} of {IMAGES} images have a rectangle, p = {pvalue:.3f} for its side lengths, {placed:.3f}"
        " for its place"
    )
    return whole and plausible and min(pvalue, placed, coloured) >= ALPHA / 6, found


def _is_noise(results, erased):
    """Returns the p-value of uniform colours in the erased part of white pictures; 0 if another part is not white."""
    if not np.array_equal(results < 255, erased):
        return 0.0
    return scipy.stats.kstest(results[erased][:SAMPLE], scipy.stats.uniform(0, 255).cdf).pvalue if erased.any() else 1.0


@behaves.register
def _cutout(transform: Cutout):
    side = 2 * transform.size
    heights, widths, starts, whole = _black(many(transform, np.full((side, side, 1), 255, np.uint8)))
    first = np.arange(side) - transform.size // 2
    expected = np.minimum(first + transform.size, side) - np.maximum(first, 0)
    pvalue = min(scipy.stats.ks_2samp(sizes, np.repeat(expected, 100)).pvalue for sizes in (heights, widths))
    # Squares that are not cut off, and begin in any row or column in which they have room.
    placed = min(
        _placed(start[sizes == transform.size], transform.size, side)
        for start, sizes in zip(starts, (heights, widths), strict=True)
    )
    found = (
        f"squares of {heights.max()} x {widths.max()} pixels, p = {pvalue:.3f} for the sizes inside the image,"
        f" {placed:.3f} for the places"
    )
    return whole and heights.max() == transform.size and min(pvalue, placed) >= ALPHA / 4, found
