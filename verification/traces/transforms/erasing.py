"""Checks of erasing transforms on a white picture, against the algorithms in NumPy."""

import dataclasses

import numpy as np
import scipy.stats

from verification.statistics import fraction_is_plausible
from verification.traces.transforms.probe import ALPHA, IMAGES, behaves, many
from zoo.recipe import Cutout, RandomErasing


def _black(results):
    """Returns height and width of the black area of each result, and whether all are rectangles."""
    black = results[..., 0] == 0
    heights, widths = black.any(2).sum(1), black.any(1).sum(1)
    return heights, widths, np.array_equal(black.sum((1, 2)), heights * widths)


@behaves.register
def _random_erasing(transform: RandomErasing):
    height, width = 60, 80
    results = many(dataclasses.replace(transform, fill="zero"), np.full((height, width, 1), 255, np.uint8))
    heights, widths, whole = _black(results)
    erased = heights > 0
    random = np.random.default_rng(0)
    expected = []
    while len(expected) < 20 * IMAGES:
        area = random.uniform(transform.min_area, transform.max_area) * height * width
        ratio = random.uniform(1 / transform.max_ratio, transform.max_ratio)
        tall, wide = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if tall < height and wide < width:
            expected.append((tall, wide))
    pvalue = 1.0
    if erased.any():
        pvalue = min(
            scipy.stats.ks_2samp(sizes[erased], theirs).pvalue
            for sizes, theirs in zip((heights, widths), np.array(expected).T, strict=True)
        )
    plausible = fraction_is_plausible(int(erased.sum()), IMAGES, transform.probability, ALPHA / 3)
    found = f"{int(erased.sum())} of {IMAGES} images have a rectangle, p = {pvalue:.3f} for its side lengths"
    return whole and plausible and pvalue >= ALPHA / 3, found


@behaves.register
def _cutout(transform: Cutout):
    side = 2 * transform.size
    heights, widths, whole = _black(many(transform, np.full((side, side, 1), 255, np.uint8)))
    starts = np.arange(side) - transform.size // 2
    expected = np.minimum(starts + transform.size, side) - np.maximum(starts, 0)
    pvalue = min(scipy.stats.ks_2samp(sizes, np.repeat(expected, 100)).pvalue for sizes in (heights, widths))
    found = f"squares of {heights.max()} x {widths.max()} pixels, p = {pvalue:.3f} for the sizes inside the image"
    return whole and heights.max() == transform.size and pvalue >= ALPHA / 2, found
