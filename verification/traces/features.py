"""Checks that feature vectors are imputed and scaled as in the recipe, with statistics of the training split."""

from collections.abc import Iterator

import numpy as np

from verification.check import Check, Group
from verification.traces.images import EXAMPLES, network_inputs
from verification.traces.transforms import ALPHA, mixes
from zoo.data.dataset import Dataset
from zoo.data.selection import sample_indices
from zoo.recipe import FeatureMeanStd, FeatureRange, ImputeMean, ImputeMedian, Recipe, Unscaled, Winsorize
from zoo.training.experiment import Experiment

# Relative to the value or 1, whichever is larger; above float32 rounding, below mean instead of median.
TOLERANCE = 1e-3


def check_features(group: Group, experiment: Experiment) -> Iterator[Check]:
    """Checks evaluation inputs, imputation of missing values, and mixing."""
    some = sample_indices(len(experiment.dataset.eval), EXAMPLES)
    inputs = network_inputs(experiment, some)[:, 0, 0]
    expected = expected_inputs(experiment.recipe, experiment.dataset)[some]
    error = float(np.max(np.abs(inputs - expected) / np.maximum(np.abs(expected), 1)))
    kind = type(experiment.recipe.normalization).__name__
    detail = f"{inputs.size:,} values differ by {error:.1e} from the formula of {kind} with training-split statistics"
    yield group.check("input", error < TOLERANCE, detail)
    raw = _values(experiment.dataset.eval)[some]
    detail = f"{np.isnan(raw).sum():,} of {raw.size:,} values are missing, {np.isnan(inputs).sum():,} after imputation"
    yield group.check("missing", bool(np.isfinite(inputs).all()), detail)
    if mixing := experiment.recipe.augmentation.mixing:
        passed, found = mixes(mixing)
        yield group.check(type(mixing).__name__, passed, f"{found}; false alarm for 1 of {1 / ALPHA:,.0f} keys")


def expected_inputs(recipe: Recipe, dataset: Dataset) -> np.ndarray:
    """Returns the expected inputs for evaluation examples, float64 [N, F], by the formulas in the parts' docstrings.

    Args:
      recipe: the recipe of the experiment.
      dataset: the data set of the experiment, whose training split gives the statistics.
    """
    train, evaluation = _values(dataset.train), _values(dataset.eval)
    if isinstance(recipe.data.outliers, Winsorize):
        bounds = np.nanquantile(train, [recipe.data.outliers.lower, recipe.data.outliers.upper], axis=0)
        train, evaluation = np.clip(train, *bounds), np.clip(evaluation, *bounds)
    match recipe.data.missing:
        case ImputeMean():
            fill = np.nanmean(train, axis=0)
        case ImputeMedian():
            fill = np.nanmedian(train, axis=0)
        case None:
            fill = np.nan
    train, evaluation = (np.where(np.isnan(values), fill, values) for values in (train, evaluation))
    match recipe.normalization:
        case FeatureMeanStd():
            shift, scale = train.mean(0), train.std(0)
        case FeatureRange():
            shift, scale = train.min(0), train.max(0) - train.min(0)
        case Unscaled():
            return evaluation
        case _:
            raise TypeError(
                f"no closed form of {type(recipe.normalization).__name__}: add it to verification/traces/features.py"
            )
    return (evaluation - shift) / np.where(scale > 0, scale, 1)


def _values(split):
    return split.images[:, 0, 0].astype(np.float64)
