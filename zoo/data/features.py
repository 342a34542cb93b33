"""Preprocessing of vectors of features [N, F]; all statistics are computed on the training split only."""

import functools
from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.normalization import Statistics
from zoo.data.split import Split
from zoo.data.splitting import subset
from zoo.errors import ZooError
from zoo.recipe.augmentation import Normalization
from zoo.recipe.features import (
    FeatureMeanStd,
    FeatureRange,
    ImputeMean,
    ImputeMedian,
    Missing,
    Outliers,
    Trim,
    Unscaled,
    Winsorize,
)


def vectors(split: Split) -> np.ndarray:
    """Returns the features of a split, float32 [N, F]."""
    assert split.images is not None  # features are always in memory
    return split.images[:, 0, 0, :]


def check_values(dataset: Dataset, split: Split, missing: Missing | None) -> None:
    """Raises `ZooError` for an infinite value, or for a missing one without imputation, naming example and feature."""
    assert dataset.feature_names is not None
    check_finite(split, dataset.feature_names, missing=missing is not None)


def check_finite(split: Split, feature_names: Sequence[str], *, missing: bool) -> None:
    """Raises `ZooError` for an infinite value, or for a missing one unless `missing` values are imputed."""
    values = vectors(split)
    bad = np.isinf(values) if missing else ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        what = f"{split.describe(int(row))}: feature {feature_names[column]!r} is"
        if np.isinf(values[row, column]):
            raise ZooError(f"{what} infinite")
        raise ZooError(f"{what} missing: fill in a value, or set data.missing=ImputeMean or ImputeMedian")


def _name(dataset: Dataset, column: int) -> str:
    assert dataset.feature_names is not None
    return dataset.feature_names[column]


def trim(outliers: Outliers | None, split: Split) -> Split:
    """Returns a training split without the examples that `Trim` removes.

    Raises:
      ZooError: no example would remain.
    """
    if not isinstance(outliers, Trim):
        return split
    values = vectors(split).astype(np.float64)
    low, high = _quantiles(outliers, values)
    kept = np.flatnonzero(~((values < low) | (values > high)).any(1))
    if not len(kept):
        raise ZooError(
            f"Trim removes every training example of {getattr(split, 'name', 'the data set')}: widen its quantiles,"
            " data.outliers.lower and upper"
        )
    return subset(split, kept)


def _quantiles(outliers, values):
    return np.nanquantile(values, [outliers.lower, outliers.upper], axis=0)


def measure(
    normalization: Normalization, missing: Missing | None, outliers: Outliers | None, dataset: Dataset
) -> Statistics:
    """Computes the statistics of a training split, after trimming.

    In this order: quantiles of the values that are present, fill values after winsorizing, shift and scale after both
    winsorizing and imputation.

    Returns:
      Statistics of float32 [F] each, computed in float64; `color_components` is empty.

    Raises:
      ZooError: all values of a feature are missing.
    """
    values = vectors(dataset.train).astype(np.float64)
    empty = np.flatnonzero(np.isnan(values).all(0))
    if len(empty):
        raise ZooError(f"{dataset.spec}: feature {_name(dataset, empty[0])!r} has no value in the training split")
    fill = low = high = None
    if isinstance(outliers, Winsorize):
        low, high = _quantiles(outliers, values)
        values = np.clip(values, low, high)
    if missing is not None:
        fill = _fill(missing, values)
        values = np.where(np.isnan(values), fill, values)
    shift, scale = _shift_and_scale(normalization, values)
    scale = np.where(scale > 0, scale, 1)
    fill, low, high = (None if value is None else value.astype(np.float32) for value in (fill, low, high))
    return Statistics(shift.astype(np.float32), scale.astype(np.float32), np.zeros((0, 0), np.float32), fill, low, high)


@functools.singledispatch
def _fill(missing: Missing, values: np.ndarray) -> np.ndarray:
    raise TypeError(type(missing).__name__)


@_fill.register
def _mean(missing: ImputeMean, values: np.ndarray) -> np.ndarray:
    return np.nanmean(values, axis=0)


@_fill.register
def _median(missing: ImputeMedian, values: np.ndarray) -> np.ndarray:
    return np.nanmedian(values, axis=0)


@functools.singledispatch
def _shift_and_scale(normalization: Normalization, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    raise TypeError(type(normalization).__name__)


@_shift_and_scale.register
def _feature_mean_std(normalization: FeatureMeanStd, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(0), values.std(0)


@_shift_and_scale.register
def _feature_range(normalization: FeatureRange, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.min(0), np.ptp(values, axis=0)


@_shift_and_scale.register
def _unscaled(normalization: Unscaled, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(values.shape[1]), np.ones(values.shape[1])
