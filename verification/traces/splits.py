"""Search for evaluation and validation examples that are also training examples, byte by byte or slightly changed."""

import dataclasses
import math

import numpy as np
import scipy.stats

from verification.check import Check, Group
from zoo.data.dataset import Dataset
from zoo.data.decoding import CorruptImage, Picture
from zoo.data.selection import sample_indices
from zoo.data.split import Split

IN_MEMORY = (60_000, 2_500)  # the largest samples of training and evaluation examples; searched in about a second
IN_FILES = (5_000, 1_000)  # of images that have to be read and decoded
# Mean absolute difference of two pictures, on the scale 0 to 255, up to which they count as the same. Encoding as a
# JPEG of quality 75 changes 94 % of Fashion-MNIST's images and all of CIFAR-10's by less; one pixel of 784 changes it
# by at most 0.33.
PIXEL_TOLERANCE = 5.0
# Of features, in standard deviations, and the fraction that must agree.
FEATURE_TOLERANCE = 3e-4
AGREEING_FEATURES = 0.9
# Of evaluation examples. The nearest training image is within the tolerance for 0.52 % of Fashion-MNIST's 10,000
# evaluation images, 0.04 % of CIFAR-10's, for which Barz & Denzler 2020 (arXiv:1902.00423) found 3.3 % by eye, most of
# them further apart.
MAX_SHARED_FRACTION = 0.02
ALPHA = 5e-3  # probability of a false alarm, over samples of data whose fraction is at its limit; others have less
SIDE = 32  # pixels to which images of several sizes are reduced
GRID = 7  # cells per side of the thumbnails in which neighbors are searched
DIRECTIONS = 64  # onto which more features than that are projected
BLOCK = (256, 4096)  # evaluation and training examples that are compared at once: 4 MB


def check_splits(group: Group, dataset: Dataset) -> Check:
    """Checks that at most `MAX_SHARED_FRACTION` of the evaluation examples have a near copy in the training split.

    The nearest training example is found in a space of few dimensions, and compared in full.
    """
    return _check(group, "splits", dataset, "evaluation")


def check_held_out(group: Group, dataset: Dataset, held_out: Split) -> Check:
    """Checks the validation split in the same way: it is held out of the training split of the data set."""
    return _check(group, "validation split", dataclasses.replace(dataset, eval=held_out), "validation")


def _check(group, name, dataset, kind):
    both = dataset.train, dataset.eval
    at_once = all(split.images is not None for split in both) and (
        dataset.train.images.shape[1:] == dataset.eval.images.shape[1:]
    )
    counts = IN_MEMORY if at_once else IN_FILES
    indices = [sample_indices(len(split), count) for split, count in zip(both, counts, strict=True)]
    if at_once:
        train, evaluation = (split.images[some] for split, some in zip(both, indices, strict=True))
    else:
        train, evaluation = (small(split, some, dataset.channels) for split, some in zip(both, indices, strict=True))
    same = near_copies_of_features if dataset.feature_names is not None else near_copies_of_images
    found = int(np.count_nonzero(same(train, evaluation)))
    # The expected number within the samples, for this fraction of all evaluation examples.
    expected = MAX_SHARED_FRACTION * len(evaluation) * len(train) / len(dataset.train)
    allowed = int(scipy.stats.poisson.isf(ALPHA, expected))
    what = dataset.examples
    return group.check(
        name,
        found <= allowed,
        f"{found:,} of {len(evaluation):,} {kind} {what} are near copies of one of {len(train):,} of"
        f" {len(dataset.train):,} training {what}; limit {allowed:,}, which {MAX_SHARED_FRACTION:.0%} of all exceed in"
        f" 1 of {1 / ALPHA:,.0f} samples",
    )


def near_copies_of_images(train: np.ndarray, evaluation: np.ndarray) -> np.ndarray:
    """Returns whether each evaluation image has a near copy: bool [M], for uint8 [N, H, W, C] and [M, H, W, C].

    Copies may also be mirrored, or lighter or darker, as where images were augmented before they were divided.
    """
    codes, queries, mirrored = thumbnails(train), thumbnails(evaluation), evaluation[:, :, ::-1]
    center = codes.mean(0)
    as_they_are = nearest_neighbors(codes - center, queries - center)
    as_in_mirror = nearest_neighbors(codes - center, thumbnails(mirrored) - center)
    without_level = nearest_neighbors(*(each - each.mean(1, keepdims=True) for each in (codes, queries)))
    differences = [
        _differences(evaluation, train, as_they_are),
        _differences(mirrored, train, as_in_mirror),
        _differences(evaluation, train, without_level, at_any_level=True),
    ]
    return np.min(differences, 0) <= PIXEL_TOLERANCE


def _differences(images, train, nearest, *, at_any_level=False):
    """Returns the mean absolute difference of each image from its nearest one, of the same mean if `at_any_level`."""
    found = np.empty(len(images))
    for index, neighbor in enumerate(nearest):
        difference = images[index].astype(np.int16) - train[neighbor]
        found[index] = np.abs(difference - difference.mean() if at_any_level else difference).mean()
    return found


def near_copies_of_features(train: np.ndarray, evaluation: np.ndarray) -> np.ndarray:
    """Returns whether each evaluation example has a near copy: bool [M], for float32 [N, 1, 1, F] and [M, 1, 1, F].

    Missing values, NaN, agree with missing ones only.
    """
    train, evaluation = (values[:, 0, 0].astype(np.float64) for values in (train, evaluation))
    center, scale = np.nan_to_num(np.nanmean(train, 0)), np.nan_to_num(np.nanstd(train, 0))
    scale = np.where(scale > 0, scale, np.maximum(np.abs(center), 1))
    train, evaluation = ((values - center) / scale for values in (train, evaluation))
    # A missing value is, for the search, one that no other has.
    codes = [np.nan_to_num(values, nan=10.0) for values in (train, evaluation)]
    if train.shape[1] > DIRECTIONS:
        directions = np.random.default_rng(0).standard_normal((train.shape[1], DIRECTIONS)) / math.sqrt(DIRECTIONS)
        codes = [values @ directions for values in codes]
    neighbors = train[nearest_neighbors(*codes)]
    agree = np.isclose(neighbors, evaluation, rtol=0, atol=FEATURE_TOLERANCE, equal_nan=True)
    return agree.mean(1) >= AGREEING_FEATURES


def nearest_neighbors(codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Returns the position of the nearest of the codes [N, D] to each query [M, D], int [M], by Euclidean distance."""
    nearest, best = np.zeros(len(queries), np.int64), np.full(len(queries), -np.inf, codes.dtype)
    # |a - b|^2 is smallest where a.b - |a|^2 / 2 is largest: a product, with one more dimension for the second term.
    columns = np.vstack([codes.T, -np.einsum("nd,nd->n", codes, codes) / 2])
    rows = np.column_stack([queries, np.ones(len(queries), queries.dtype)])
    for row in range(0, len(rows), BLOCK[0]):
        part = slice(row, row + BLOCK[0])
        for column in range(0, columns.shape[1], BLOCK[1]):
            products = rows[part] @ columns[:, column : column + BLOCK[1]]
            position = products.argmax(1)
            value = products[np.arange(len(position)), position]
            better = value > best[part]
            best[part][better] = value[better]
            nearest[part][better] = position[better] + column
    return nearest


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Returns the mean brightness of the cells of a grid, float32 [N, 49], of uint8 images [N, H, W, C]."""
    images = images[:, :: max(1, images.shape[1] // SIDE), :: max(1, images.shape[2] // SIDE)]
    count, height, width, channels = images.shape
    rows, columns = (_averages(size) for size in (height, width))
    average = np.einsum("hi,wj->hwij", rows, columns)[:, :, None] / channels
    weights = np.broadcast_to(average, (height, width, channels, GRID, GRID)).reshape(-1, GRID**2)
    step = max(1, 2**22 // len(weights))  # images whose pixels take 16 MB as float32
    parts = [
        images[start : start + step].reshape(-1, len(weights)).astype(np.float32) @ weights
        for start in range(0, count, step)
    ]
    return np.concatenate(parts)


def _averages(size):
    """Returns the matrix [size, GRID] that averages over equal parts of an axis."""
    cells = np.arange(size) * GRID // size
    one_hot = (cells[:, None] == np.arange(GRID)).astype(np.float32)
    return one_hot / np.maximum(one_hot.sum(0), 1)


def small(split: Split, indices: np.ndarray, channels: int) -> np.ndarray:
    """Reads and decodes images of any size and reduces them to uint8 [N, 32, 32, C], by averages over equal areas.

    Those that cannot be decoded are left out, as in training.
    """
    result = []
    for index in indices:
        source, _ = split.read(int(index))
        try:
            pixels = Picture(source, channels).pixels(SIDE, SIDE)
        except CorruptImage:
            continue
        pixels = pixels.astype(np.float32)
        for axis in (0, 1):
            edges = np.arange(SIDE) * pixels.shape[axis] // SIDE  # equal ones, in small images, select one pixel
            sizes = np.maximum(np.diff(edges, append=pixels.shape[axis]), 1)
            pixels = np.add.reduceat(pixels, edges, axis) / np.expand_dims(sizes, (1 - axis, 2))
        result.append(pixels.round().astype(np.uint8))
    return np.array(result, np.uint8).reshape(-1, SIDE, SIDE, channels)
