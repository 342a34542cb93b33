"""A cheap classifier of images and of features, with which measurements ask what labels can be predicted from.

It is a kernel ridge regression of the classes on a short description of each example: thumbnails and histograms of
oriented gradients (Dalal and Triggs 2005) of images, the standardized features of tables. The kernel is a sum of a
linear one and of a rational quadratic one, which is a mixture of Gaussian kernels of all widths, so that problems
without any linear solution, such as exclusive or, are seen as well. Predictions for held-out folds have a closed form
in which the labels are linear, so that labels permuted many times cost hardly more.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg

from zoo.doctor.measurements import arrays

THUMBNAIL = 8  # pixels a side
GRADIENT_SIZE = 32  # pixels a side of the images whose gradients are counted
CELLS, DIRECTIONS = 4, 8  # of histograms of gradients
RIDGE = 0.1  # added to the diagonal of the kernel matrix, whose elements are about 2
FOLDS = 5
CLIP = 4.0  # standard deviations, beyond which a value counts as an outlier


class Probe(NamedTuple):
    """A probe that knows some examples, but no labels.

    Attributes:
      low, high, mean, scale: of the description's standardization, each [D].
      features: float32 [n, D], the examples' standardized descriptions.
      width: squared distance at which the rational quadratic kernel is a half.
      inverse: float32 [n, n], of the regularized kernel matrix.
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    features: np.ndarray
    width: float
    inverse: np.ndarray


def describe(images: np.ndarray) -> np.ndarray:
    """Returns a short description of each example, float32 [n, D]."""
    images = arrays.channels_last(images)
    if images.ndim == 2:
        return _complete(images.astype(np.float32))
    if not np.isfinite(images).all():
        images = np.nan_to_num(images, nan=0.0, posinf=0.0, neginf=0.0)
    middle = arrays.thumbnails(images, GRADIENT_SIZE)
    small = arrays.thumbnails(middle, THUMBNAIL)
    means, deviations = middle.mean((1, 2)), middle.std((1, 2))
    return np.concatenate([small.reshape(len(small), -1), means, deviations, _gradients(middle.mean(-1))], axis=1)


def _complete(values):
    """Returns features with those that are not finite replaced by the median of their column."""
    finite = np.isfinite(values)
    if finite.all():
        return values
    medians = [np.median(column[known]) if known.any() else 0 for column, known in zip(values.T, finite.T, strict=True)]
    return np.where(finite, values, np.array(medians, np.float32))


def _gradients(images):
    """Returns how often each direction of gradients occurs in each of 4 x 4 cells of grey images, weighted by size."""
    down, right = (np.gradient(images, axis=axis) if images.shape[axis] > 1 else 0 * images for axis in (1, 2))
    size = np.hypot(down, right)
    direction = np.floor(np.arctan2(down, right) / (2 * np.pi) * DIRECTIONS).astype(np.int64) % DIRECTIONS
    rows, columns = (np.arange(length) * CELLS // length for length in images.shape[1:])
    cells = np.arange(len(images))[:, None, None] * CELLS**2 + (rows[:, None] * CELLS + columns)
    places = (cells * DIRECTIONS + direction).ravel()
    counts = np.bincount(places, size.ravel(), len(images) * CELLS**2 * DIRECTIONS)
    counts = counts.reshape(len(images), CELLS**2 * DIRECTIONS).astype(np.float32)
    return np.sqrt(counts / (counts.mean(-1, keepdims=True) + 1e-9))


def fit(description: np.ndarray) -> Probe:
    """Returns a probe of some examples, from their description [n, D]."""
    low, high = np.quantile(description, [0.01, 0.99], axis=0).astype(np.float32)
    clipped = np.clip(description, low, high)
    mean, scale = clipped.mean(0), clipped.std(0)
    scale = np.where(scale > 1e-6 * (np.abs(mean) + 1e-30), scale, np.inf)  # a constant says nothing
    features = _standardized(description, low, high, mean, scale)
    some = features[:: max(1, len(features) // 500)]
    distances = _distances(some, some)
    width = float(np.median(distances[np.triu_indices(len(some), 1)])) if len(some) > 1 else 1.0
    matrix = _kernel(features, features, max(width, 1e-6))
    matrix[np.diag_indices_from(matrix)] += RIDGE
    factor = scipy.linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)
    inverse = scipy.linalg.cho_solve(factor, np.eye(len(features), dtype=np.float32), overwrite_b=True)
    return Probe(low, high, mean, scale, features, max(width, 1e-6), inverse)


def held_out(probe: Probe, targets: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns a prediction of each example's targets [n, M] from the other folds' examples, float32 [n, M]."""
    fitted = probe.inverse @ targets
    predicted = np.empty_like(fitted)
    for fold in np.array_split(np.random.default_rng(seed).permutation(len(targets)), FOLDS):
        block = probe.inverse[np.ix_(fold, fold)]
        predicted[fold] = targets[fold] - scipy.linalg.solve(block, fitted[fold], assume_a="pos", check_finite=False)
    return predicted


def predict(probe: Probe, targets: np.ndarray, description: np.ndarray) -> np.ndarray:
    """Returns predictions [m, M] for other examples, from the targets [n, M] of the probe's."""
    features = _standardized(description, probe.low, probe.high, probe.mean, probe.scale)
    return _kernel(features, probe.features, probe.width) @ (probe.inverse @ targets)


def indicators(classes: np.ndarray, count: int) -> np.ndarray:
    """Returns one-hot rows [n, count] minus their mean: targets without a constant."""
    rows = np.eye(count, dtype=np.float32)[classes]
    return rows - rows.mean(0)


def chosen(scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Returns the class that is predicted by scores [m, K] of indicators of some classes."""
    return (scores + np.bincount(classes, minlength=scores.shape[1]) / max(len(classes), 1)).argmax(-1)


def _standardized(description, low, high, mean, scale):
    return np.clip((np.clip(description, low, high) - mean) / scale, -CLIP, CLIP).astype(np.float32)


def _distances(ones, others):
    squares = (ones**2).sum(1)[:, None] + (others**2).sum(1)[None, :]
    return np.maximum(squares - 2 * ones @ others.T, 0)


def _kernel(ones, others, width):
    kernel = _distances(ones, others)
    kernel /= width
    kernel += 1
    np.reciprocal(kernel, out=kernel)
    kernel += ones @ others.T / ones.shape[1]
    return kernel
