"""Checks of crops, flips and affine transforms, on pictures of coordinates."""

import dataclasses

import numpy as np
import scipy.ndimage
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
from zoo.recipe.augmentation import Affine

# A recipe's fills, by the rows in `zoo.recipe.augmentation.Transform.require_fill`, as NumPy's and SciPy's modes.
PADDING = {"nearest": "edge", "constant": "constant", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
BORDERS = {
    "nearest": "nearest",
    "constant": "grid-constant",
    "reflect": "reflect",
    "mirror": "mirror",
    "wrap": "grid-wrap",
}
EXPLAINED = 64  # results of an affine transform that are compared pixel by pixel
LARGEST = 200  # size of crops whose coordinates are bytes
ROUNDING = 0.1  # of pixel values: maps are read out of pixels, and reach over 40 of them


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
    padding = transform.padding
    size = max(transform.size, 2 * padding + 1)  # so that a pixel is inside the image for every crop position
    picture = coordinates(size + 3, size + 3) + 1
    results = many(dataclasses.replace(transform, size=size), picture)
    starts = (results[:, padding, padding] - 1).astype(int)  # of that pixel
    places = 4 + 2 * padding
    pvalues = [scipy.stats.chisquare(np.bincount(starts[:, axis], minlength=places)).pvalue for axis in (0, 1)]
    padded = np.pad(picture, ((padding, padding), (padding, padding), (0, 0)), mode=PADDING[transform.fill])
    same = sum(
        np.array_equal(result, padded[row : row + size, column : column + size])
        for result, (row, column) in zip(results, starts, strict=True)
    )
    found = f"{same} of {IMAGES} images are crops, at {places} x {places} positions, uniform with"
    return same == IMAGES and min(pvalues) >= ALPHA / 2, f"{found} p = {min(pvalues):.3f}"


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
    """Returns whether crops of coordinates have the right distributions, and a description of these."""
    size = transform.size
    # The slope of the coordinates, away from the borders, gives the size of the crop, and its centre the position.
    height = (results[:, -2, size // 2, 0] - results[:, 1, size // 2, 0]) * size / (size - 3)
    width = (results[:, size // 2, -2, 1] - results[:, size // 2, 1, 1]) * size / (size - 3)
    area = height * width / side**2
    largest = min(transform.max_area, 1 / transform.max_ratio)  # above it, sides are clipped to those of the image
    uniform = scipy.stats.uniform(transform.min_area, largest - transform.min_area)
    inside = area < largest if largest < transform.max_area else np.full(len(area), True)
    expected = (largest - transform.min_area) / max(transform.max_area - transform.min_area, 1e-9)
    pvalues = [scipy.stats.kstest(area[inside], uniform.cdf).pvalue]
    plausible = fraction_is_plausible(int(inside.sum()), IMAGES, min(expected, 1.0), ALPHA / 10)
    ratio = np.log(width / height)[inside]
    if transform.max_ratio > 1:
        pvalues.append(scipy.stats.kstest(ratio / np.log(transform.max_ratio), scipy.stats.uniform(-1, 2).cdf).pvalue)
    else:
        plausible = plausible and bool(np.all(np.abs(ratio) < 0.1))  # the host crops whole pixels
    plausible = plausible and area.max() <= transform.max_area + 3 / side  # the host rounds both sides
    middle = results[:, size // 2, size // 2, :2]
    for axis, part in enumerate((height, width)):
        room = side - part
        start = middle[:, axis] + 0.5 - (size // 2 + 0.5) * part / size
        chosen = room > side / 5  # where the host's whole pixels are small steps
        if not chosen.any():
            continue
        pvalues.append(scipy.stats.kstest((start / np.maximum(room, 1))[chosen], scipy.stats.uniform().cdf).pvalue)
    return (
        min(pvalues) >= ALPHA / 10 and plausible,
        f"areas from {area.min():.2f} to {area.max():.2f}, uniform with p = {pvalues[0]:.3f}, as are logarithms of"
        f" ratios and positions, with p = {min(pvalues[1:], default=1):.3f}",
    )


@behaves.register
def _ten_crop(transform: TenCrop):
    size = min(transform.size, LARGEST)
    transform, side = dataclasses.replace(transform, size=size), size + 4
    views = many(transform, coordinates(side, side))[0]
    corners = {(view[0, 0, 0], view[0, :, 1].min(), view[0, 0, 1] > view[0, -1, 1]) for view in views}
    places = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    expected = {(row, column, flipped) for row, column in places for flipped in (False, True)}
    return corners == expected and views.shape[1:3] == (size, size), f"{len(corners)} different views of each image"


def slopes(transform: Affine) -> tuple[np.ndarray, float]:
    """Returns the matrices [IMAGES, 2, 2] of affine transforms, and how far pixels are from those that SciPy computes.

    The matrices come from differences in the centre of results of coordinates. With them, SciPy repeats the transform,
    with the recipe's fill outside of the image.
    """
    size = np.array((61, 81))
    rows, columns = np.mgrid[: size[0], : size[1]]
    waves = 120 + 90 * np.sin(rows / 4) * np.cos(columns / 5)
    picture = np.stack([rows, columns, waves], -1).astype(np.float32)
    results = many(transform, picture)
    down = (results[:, 32, 40, :2] - results[:, 28, 40, :2]) / 4
    right = (results[:, 30, 42, :2] - results[:, 30, 38, :2]) / 4
    matrices, worst = np.stack([down, right], -1), 0.0
    for matrix, result in zip(matrices[:EXPLAINED], results, strict=False):
        centre = result[30, 40, :2].astype(np.float64)
        if np.any(np.abs(centre - size // 2) > size // 2 - 10):
            continue  # the centre comes from the border, where coordinates have no slope
        offset = centre - matrix @ (30, 40)
        expected = [
            scipy.ndimage.affine_transform(
                channel.astype(np.float64), matrix, offset, order=1, mode=BORDERS[transform.fill]
            )
            for channel in picture.transpose(2, 0, 1)
        ]
        worst = float(np.maximum(worst, np.abs(result - np.stack(expected, -1)).max()))  # NaN, where there is one
    return matrices, worst


@behaves.register
def _rotation(transform: RandomRotation):
    matrix, off = slopes(transform)
    angle = np.rad2deg(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    pvalue = uniform_pvalue(angle, -transform.degrees, transform.degrees)
    rigid = np.allclose(matrix @ matrix.transpose(0, 2, 1), np.eye(2), atol=1e-3)
    return (
        rigid and pvalue >= ALPHA and off < ROUNDING,
        f"angles from {angle.min():.1f} to {angle.max():.1f}, uniform with p = {pvalue:.3f}{_as_scipy(off)}",
    )


@behaves.register
def _shear(transform: RandomShear):
    matrix, off = slopes(transform)
    angle = np.rad2deg(np.arctan2(-matrix[:, 0, 1], matrix[:, 1, 1]))
    pvalue = uniform_pvalue(angle, -transform.degrees, transform.degrees)
    sideways = np.allclose(matrix[:, :, 0], [1, 0], atol=1e-3)
    return (
        sideways and pvalue >= ALPHA and off < ROUNDING,
        f"angles from {angle.min():.1f} to {angle.max():.1f}, uniform with p = {pvalue:.3f}{_as_scipy(off)}",
    )


@behaves.register
def _zoom(transform: RandomZoom):
    matrix, off = slopes(transform)
    factors = matrix[:, [0, 1], [0, 1]]
    pvalue = min(uniform_pvalue(factors[:, axis], 1 - transform.amount, 1 + transform.amount) for axis in (0, 1))
    same = np.allclose(factors[:, 0], factors[:, 1], atol=1e-3)
    fine = pvalue >= ALPHA / 2 and same == (transform.keep_ratio or transform.amount == 0) and off < ROUNDING
    found = f"factors from {factors.min():.2f} to {factors.max():.2f}, uniform with p = {pvalue:.3f}"
    return fine, found + _as_scipy(off)


@behaves.register
def _shift(transform: RandomShift):
    height, width = 61, 81
    results = many(dataclasses.replace(transform, fill="nearest"), coordinates(height, width))
    # One border shows the shift, and the opposite one, filled with the last pixel, shows that pixel's coordinate.
    down = results[:, 0, 0, 0] + results[:, -1, 0, 0] - (height - 1)
    right = results[:, 0, 0, 1] + results[:, 0, -1, 1] - (width - 1)
    shifts = (down, transform.height), (right, transform.width)
    inside = (np.abs(down) < height - 1) & (np.abs(right) < width - 1)  # a shift by the whole image is not visible
    pvalues = [
        uniform_pvalue(shift[inside] / size, -min(limit, (size - 1) / size), min(limit, (size - 1) / size))
        for shift, size, limit in ((down, height, transform.height), (right, width, transform.width))
    ]
    found = (
        f"shifts up to {np.abs(right).max() / width:.2f} of the width, {np.abs(down).max() / height:.2f} of the height"
    )
    _, off = slopes(transform)
    # Whole pixels, of which there are none by chance, would be those of no interpolation.
    whole = any(limit and (np.abs(shift - shift.round()) < 1e-4).mean() > 0.1 for shift, limit in shifts)
    fine = min(pvalues) >= ALPHA / 2 and off < ROUNDING and not whole
    return fine, f"{found}, uniform with p = {min(pvalues):.3f}{_as_scipy(off)}"


def _as_scipy(off):
    return f"; pixels differ by up to {off:.1g} from SciPy's"
