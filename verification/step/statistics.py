"""Normalization statistics, computed a second time from the training split alone, in float64."""

import numpy as np

from verification.check import Check, Group
from zoo.data.normalization import Statistics
from zoo.data.pipeline import decoded
from zoo.data.selection import sample_indices
from zoo.recipe import (
    ChannelMeanStd,
    FeatureMeanStd,
    FeatureRange,
    FixedMeanStd,
    PixelMean,
    RawRange,
    SignedRange,
    UnitRange,
    Unscaled,
)
from zoo.training.experiment import Experiment

TOLERANCE = 1e-5  # relative; statistics are stored as float32
SAMPLED_TOLERANCE = 0.15  # of the standard deviation, for images that have to be decoded: of 256 images
SAMPLED = 256


def expected_statistics(experiment: Experiment) -> Statistics | None:
    """Returns the statistics by the formula of the recipe's normalization, with those of colour as they are.

    None for training images that have to be decoded, mean images, and features with missing values or outliers.
    """
    dataset, recipe = experiment.dataset, experiment.recipe
    images, normalization = dataset.train.images, recipe.normalization
    if images is None or isinstance(normalization, PixelMean):
        return None
    if dataset.feature_names is not None:
        if recipe.data.missing is not None or recipe.data.outliers is not None:
            return None
        mean, scale = _of_features(normalization, images[:, 0, 0].astype(np.float64))
    else:
        some = images[sample_indices(len(images), getattr(normalization, "sample", 1))]
        mean, scale = _of_images(normalization, some)
    return experiment.statistics._replace(
        mean=np.broadcast_to(mean, images.shape[-1:]).astype(np.float32),
        scale=np.broadcast_to(np.where(scale > 0, scale, 1), images.shape[-1:]).astype(np.float32),
    )


def _of_images(normalization, images):
    match normalization:
        case ChannelMeanStd():
            pixels = images.reshape(-1, images.shape[-1])
            mean = pixels.mean(0, dtype=np.float64)
            squares = np.stack([np.square(channel.astype(np.float64)).mean() for channel in pixels.T])
            return mean, np.sqrt(squares - mean**2)
        case FixedMeanStd(mean, std):
            return np.array(mean), np.array(std)
        case UnitRange():
            return np.zeros(1), np.full(1, 255.0)
        case RawRange():
            return np.zeros(1), np.ones(1)
        case SignedRange():
            return np.full(1, 127.5), np.full(1, 127.5)
    raise _missing(normalization)


def _of_features(normalization, values):
    match normalization:
        case FeatureMeanStd():
            return values.mean(0), values.std(0)
        case FeatureRange():
            return values.min(0), values.max(0) - values.min(0)
        case Unscaled():
            return np.zeros(1), np.ones(1)
    raise _missing(normalization)


def _missing(normalization):
    return TypeError(f"no closed form of {type(normalization).__name__}: add it to verification/step/statistics.py")


def check_statistics(group: Group, experiment: Experiment) -> Check:
    """Checks mean and scale of the inputs' normalization against those of the training split."""
    expected, found = expected_statistics(experiment), experiment.statistics
    kind = type(experiment.recipe.normalization).__name__
    if expected is not None:
        pairs = ((found.mean, expected.mean), (found.scale, expected.scale))
        off = float(
            np.max([np.abs(np.asarray(value) - wanted) / np.asarray(expected.scale) for value, wanted in pairs])
        )
        detail = f"mean and scale of {kind} differ by {off:.1e} of the scale from those of the training split"
        return group.check("statistics", off < TOLERANCE, detail, {"value": off, "high": TOLERANCE})
    pipeline = experiment.train_pipeline
    if experiment.dataset.feature_names is not None:
        return group.skip("statistics", f"{kind} with imputation or trimming has a check of its inputs, see traces")
    some = sample_indices(len(pipeline.split), SAMPLED)
    pixels = np.concatenate([images for images, *_ in decoded(pipeline, some)]).astype(np.float64)
    mean, std = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
    found_mean = np.asarray(found.mean, np.float64).reshape(-1, pixels.shape[-1]).mean(0)
    off = np.abs(found_mean - mean) / std if _centers(experiment) else np.zeros(1)
    if isinstance(experiment.recipe.normalization, ChannelMeanStd):
        off = np.maximum(off, np.abs(np.asarray(found.scale) / std - 1))
    detail = (
        f"mean and scale of {kind} differ by {off.max():.2f} standard deviations from those of {len(pixels)} images"
    )
    figures = {"value": float(off.max()), "high": SAMPLED_TOLERANCE}
    return group.check("statistics", bool(off.max() < SAMPLED_TOLERANCE), detail, figures)


def _centers(experiment):
    return isinstance(experiment.recipe.normalization, ChannelMeanStd | PixelMean)
