"""Normalization statistics, computed a second time from the training split alone, in float64."""

import dataclasses
import itertools
from statistics import NormalDist

import jax
import numpy as np

from verification.check import Check, Group
from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.data.pipeline import decoded
from zoo.data.selection import sample_indices
from zoo.recipe import (
    ChannelMeanStd,
    FeatureMeanStd,
    FeatureRange,
    FixedMeanStd,
    Normalize,
    PixelMean,
    RawRange,
    SignedRange,
    UnitRange,
    Unscaled,
)
from zoo.training.experiment import Experiment

TOLERANCE = 1e-5  # relative; statistics are stored as float32
SAMPLED = 1024  # images that are read, of those in files
FALSE_ALARM = 1e-6  # of the comparison with a sample, if its means are normal
LARGEST = 0.15  # difference from a sample that may pass, in standard deviations of its pixels
BLOCKS = 8  # along each side of a mean image, whose means are compared with those of the sample


def expected_statistics(experiment: Experiment) -> Statistics | None:
    """Returns the statistics by the formula of the recipe's normalization, with those of colour as they are.

    None if they are those of images in files, or of features with missing values or outliers.
    """
    dataset, recipe = experiment.dataset, experiment.recipe
    images, normalization = dataset.train.images, recipe.normalization
    if dataset.feature_names is not None:
        if recipe.data.missing is not None or recipe.data.outliers is not None:
            return None
        mean, scale = _of_features(normalization, images[:, 0, 0].astype(np.float64))
    elif isinstance(normalization, ChannelMeanStd | PixelMean):
        if images is None:
            return None
        mean, scale = _measured(experiment, images[sample_indices(len(images), normalization.sample)])
    else:
        mean, scale = _fixed(normalization)
    found = experiment.statistics
    return found._replace(
        mean=np.broadcast_to(mean, np.shape(found.mean)).astype(np.float32),
        scale=np.broadcast_to(np.where(scale > 0, scale, 1), np.shape(found.scale)).astype(np.float32),
    )


def _measured(experiment, images):
    if isinstance(experiment.recipe.normalization, PixelMean):
        return np.asarray(_before_normalize(experiment)(images.mean(0, dtype=np.float64))), np.ones(1)
    pixels = images.reshape(-1, images.shape[-1])
    mean = pixels.mean(0, dtype=np.float64)
    squares = np.stack([np.square(channel.astype(np.float64)).mean() for channel in pixels.T])
    return mean, np.sqrt(squares - mean**2)


def _before_normalize(experiment):
    """Returns evaluation's transforms before `Normalize()`, which are not random, as a function of an image."""
    transforms = experiment.eval_pipeline.transforms
    before = tuple(itertools.takewhile(lambda transform: not isinstance(transform, Normalize), transforms))
    return lambda image: augment.apply(before, image, jax.random.key(0), experiment.statistics)


def _fixed(normalization):
    match normalization:
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
    """Checks mean and scale of the inputs' normalization against those of the training split.

    Constants, and those of images in memory, are compared with their formula. Of images in files, `SAMPLED` are read,
    and the differences are in units of the standard errors of such a sample; if these are all, the formula holds too.
    """
    kind = type(experiment.recipe.normalization).__name__
    expected = expected_statistics(experiment)
    if expected is None:
        if experiment.dataset.feature_names is not None:
            return group.skip("statistics", f"{kind} with imputation or trimming has a check of its inputs, see traces")
        train = experiment.dataset.train
        pipeline = dataclasses.replace(experiment.eval_pipeline, split=train)
        images = np.concatenate([some for some, *_ in decoded(pipeline, sample_indices(len(train), SAMPLED))])
        mean, scale = _measured(experiment, images)
        expected = experiment.statistics._replace(mean=mean, scale=scale)
        if len(train) > min(SAMPLED, experiment.recipe.normalization.sample):
            return _compare_with_sample(group, experiment, images, expected)
    # A mean image comes without a scale: its unit is the range of pixel values.
    scale = np.asarray(expected.scale)
    unit = 255 if isinstance(experiment.recipe.normalization, PixelMean) else scale
    off = _largest_difference(experiment.statistics, expected, unit, scale)
    detail = f"mean and scale of {kind} differ by {off:.1e} of the scale from those of the training split"
    return group.check("statistics", off < TOLERANCE, detail, {"value": off, "high": TOLERANCE})


def _compare_with_sample(group, experiment, images, expected):
    normalization, found = experiment.recipe.normalization, experiment.statistics
    if isinstance(normalization, PixelMean):
        before = _before_normalize(experiment)
        values = np.stack([_blocks(np.asarray(before(image))) for image in images])
        found, expected = found._replace(mean=_blocks(np.asarray(found.mean))), expected._replace(mean=values.mean(0))
        spreads = values.std(0, ddof=1), np.zeros(1)
    else:
        spreads = _spreads(images, expected)
    # The recipe's own statistics may be those of a sample too.
    train, measured = len(experiment.dataset.train), normalization.sample
    factor = (1 / len(images) + (1 / measured if measured < train else 0)) ** 0.5
    limit = NormalDist().inv_cdf(1 - FALSE_ALARM / 2 / sum(spread.size for spread in spreads))
    most = LARGEST * images.std() / limit
    units = [np.maximum(np.minimum(spread * factor, most), TOLERANCE) for spread in spreads]
    off = _largest_difference(found, expected, *units)
    detail = (
        f"mean and scale of {type(normalization).__name__} differ by up to {off:.1f} standard errors from those of"
        f" {len(images)} images, limit {limit:.1f}"
    )
    return group.check("statistics", off < limit, detail, {"value": off, "high": limit})


def _spreads(images, expected):
    """Returns the standard deviations, over images, of what each adds to the mean and to the standard deviation [C]."""
    channels = [image.reshape(-1, image.shape[-1]).astype(np.float64) for image in images]
    means = np.stack([each.mean(0) for each in channels])
    squares = np.stack([np.square(each).mean(0) for each in channels])
    variances = squares - 2 * expected.mean * means  # the derivative of the mean square minus the squared mean
    return means.std(0, ddof=1), variances.std(0, ddof=1) / (2 * expected.scale)


def _blocks(image):
    """Returns the means [B, B, C] of blocks of an image [H, W, C], without the last rows that fill none."""
    count = min(BLOCKS, *image.shape[:2])
    height, width = (size // count for size in image.shape[:2])
    cut = image[: count * height, : count * width]
    return cut.reshape(count, height, count, width, -1).mean((1, 3), dtype=np.float64)


def _largest_difference(found, expected, unit_of_mean, unit_of_scale):
    mean = np.abs(np.asarray(found.mean, np.float64) - expected.mean) / unit_of_mean
    scale = np.abs(np.asarray(found.scale, np.float64) - expected.scale) / unit_of_scale
    return float(max(mean.max(), scale.max()))
