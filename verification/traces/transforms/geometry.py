"""Checks of crops, flips and affine transforms, on pictures of coordinates."""

import dataclasses

import numpy as np
import scipy.stats

from verification.statistics import fraction_is_plausible
from verification.traces.transforms.probe import ALPHA, IMAGES, behaves, coordinates, many, uniform_pvalue
from zoo.data.decoding import Picture
from zoo.data.resize_crop import resize_and_crop
from zoo.recipe import (
    HorizontalFlip,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShear,
    RandomShift,
    RandomZoom,
    TenCrop,
    VerticalFlip,
)


@behaves.register
def _horizontal_flip(transform: HorizontalFlip):
    picture = coordinates(4, 9)
    flipped = int(sum(np.array_equal(result, picture[:, ::-1]) for result in many(transform, picture)))
    plausible = fraction_is_plausible(flipped, IMAGES, transform.probability, ALPHA)
    return plausible, f"{flipped} of {IMAGES} images are flipped horizontally"


@behaves.register
def _vertical_flip(transform: VerticalFlip):
    picture = coordinates(9, 4)
    flipped = int(sum(np.array_equal(result, picture[::-1]) for result in many(transform, picture)))
    plausible = fraction_is_plausible(flipped, IMAGES, transform.probability, ALPHA)
    return plausible, f"{flipped} of {IMAGES} images are flipped vertically"


@behaves.register
def _random_crop(transform: RandomCrop):
    results = many(transform, coordinates(transform.size + 3, transform.size + 3) + 1)
    corner = results[:, transform.padding, transform.padding]  # inside the image for every crop position
    places = 4 + 2 * transform.padding
    pvalues = [
        scipy.stats.chisquare(np.bincount((corner[:, axis] - 1).astype(int), minlength=places)).pvalue
        for axis in (0, 1)
    ]
    return min(pvalues) >= ALPHA / 2, f"crops at {places} x {places} positions, uniform with p = {min(pvalues):.3f}"


@behaves.register
def _random_resized_crop(transform: RandomResizedCrop):
    size, side = 32, 200
    small = RandomResizedCrop(size, transform.min_area, transform.max_area, transform.max_ratio)
    picture = np.concatenate([coordinates(side, side), np.zeros((side, side, 1), np.uint8)], -1)
    random = np.random.default_rng(0)
    ways = {  # the data set decides which of them crops
        "device": many(small, picture),
        "host": np.stack([resize_and_crop(Picture(picture, 3), (small,), random) for _ in range(IMAGES)]).astype(float),
    }
    found = {way: _looks_like(small, results, side) for way, results in ways.items()}
    return all(right for right, _ in found.values()), "; ".join(
        f"{text} on the {way}" for way, (_, text) in found.items()
    )


def _looks_like(transform: RandomResizedCrop, results, side):
    """Returns whether crops of coordinates have the right distribution of areas, and a description of these."""
    size = transform.size
    # The slope of the coordinates, away from the borders, gives the size of the crop.
    height = (results[:, -2, size // 2, 0] - results[:, 1, size // 2, 0]) * size / (size - 3)
    width = (results[:, size // 2, -2, 1] - results[:, size // 2, 1, 1]) * size / (size - 3)
    area = height * width / side**2
    largest = min(transform.max_area, 1 / transform.max_ratio)  # above it, sides are clipped to those of the image
    uniform = scipy.stats.uniform(transform.min_area, largest - transform.min_area)
    inside = area[area < largest]
    expected = (largest - transform.min_area) / max(transform.max_area - transform.min_area, 1e-9)
    pvalue = scipy.stats.kstest(inside, uniform.cdf).pvalue
    plausible = fraction_is_plausible(len(inside), IMAGES, min(expected, 1.0), ALPHA / 4)
    return (
        pvalue >= ALPHA / 4 and plausible,
        f"areas from {area.min():.2f} to {area.max():.2f}, uniform with p = {pvalue:.3f}",
    )


@behaves.register
def _ten_crop(transform: TenCrop):
    side, size = transform.size + 4, transform.size
    views = many(transform, coordinates(side, side))[0]
    corners = {(view[0, 0, 0], view[0, :, 1].min(), view[0, 0, 1] > view[0, -1, 1]) for view in views}
    places = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    expected = {(row, column, flipped) for row, column in places for flipped in (False, True)}
    return corners == expected and views.shape[1:3] == (size, size), f"{len(corners)} different views of each image"


def slopes(transform) -> np.ndarray:
    """Returns the matrices [IMAGES, 2, 2] of affine transforms, from differences in the center of the results."""
    results = many(transform, coordinates(61, 81))
    down = (results[:, 32, 40] - results[:, 28, 40]) / 4
    right = (results[:, 30, 42] - results[:, 30, 38]) / 4
    return np.stack([down, right], -1)


@behaves.register
def _rotation(transform: RandomRotation):
    matrix = slopes(transform)
    angle = np.rad2deg(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    pvalue = uniform_pvalue(angle, -transform.degrees, transform.degrees)
    rigid = np.allclose(matrix @ matrix.transpose(0, 2, 1), np.eye(2), atol=1e-3)
    return (
        rigid and pvalue >= ALPHA,
        f"angles from {angle.min():.1f} to {angle.max():.1f}, uniform with p = {pvalue:.3f}",
    )


@behaves.register
def _shear(transform: RandomShear):
    matrix = slopes(transform)
    angle = np.rad2deg(np.arctan2(-matrix[:, 0, 1], matrix[:, 1, 1]))
    pvalue = uniform_pvalue(angle, -transform.degrees, transform.degrees)
    sideways = np.allclose(matrix[:, :, 0], [1, 0], atol=1e-3)
    return (
        sideways and pvalue >= ALPHA,
        f"angles from {angle.min():.1f} to {angle.max():.1f}, uniform with p = {pvalue:.3f}",
    )


@behaves.register
def _zoom(transform: RandomZoom):
    matrix = slopes(transform)
    factors = matrix[:, [0, 1], [0, 1]]
    pvalue = min(uniform_pvalue(factors[:, axis], 1 - transform.amount, 1 + transform.amount) for axis in (0, 1))
    same = np.allclose(factors[:, 0], factors[:, 1], atol=1e-3)
    fine = pvalue >= ALPHA / 2 and same == (transform.keep_ratio or transform.amount == 0)
    return fine, f"factors from {factors.min():.2f} to {factors.max():.2f}, uniform with p = {pvalue:.3f}"


@behaves.register
def _shift(transform: RandomShift):
    height, width = 61, 81
    results = many(dataclasses.replace(transform, fill="nearest"), coordinates(height, width))
    # One border shows the shift, and the opposite one, filled with the last pixel, shows that pixel's coordinate.
    down = results[:, 0, 0, 0] + results[:, -1, 0, 0] - (height - 1)
    right = results[:, 0, 0, 1] + results[:, 0, -1, 1] - (width - 1)
    inside = (np.abs(down) < height - 1) & (np.abs(right) < width - 1)  # a shift by the whole image is not visible
    pvalues = [
        uniform_pvalue(shift[inside] / size, -min(limit, (size - 1) / size), min(limit, (size - 1) / size))
        for shift, size, limit in ((down, height, transform.height), (right, width, transform.width))
    ]
    found = (
        f"shifts up to {np.abs(right).max() / width:.2f} of the width, {np.abs(down).max() / height:.2f} of the height"
    )
    return min(pvalues) >= ALPHA / 2, f"{found}, uniform with p = {min(pvalues):.3f}"
