"""Computes the normalization statistics of the training images: mean, scale and principal components of colour."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable

import jax
import numpy as np

from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.data.pipeline import InputPipeline, decoded
from zoo.data.selection import sample_indices
from zoo.data.split import Split
from zoo.errors import ZooError
from zoo.recipe.augmentation import (
    ChannelMeanStd,
    FixedMeanStd,
    Normalization,
    Normalize,
    PixelMean,
    RawRange,
    SignedRange,
    UnitRange,
)

CACHED_PIXELS = 2**16  # fit in the CPU cache as float64; more than twice as fast as a whole batch at once


def sample_size(normalization: Normalization) -> int:
    """Returns the number of training images to measure: small for fixed ranges, where only colours are measured."""
    return getattr(normalization, "sample", 1_000)


def measure(normalization: Normalization, batches: Iterable[np.ndarray]) -> Statistics:
    """Computes statistics of training images, batches of uint8 [N, H, W, C]; exact, hence equal on every machine.

    Raises:
      ZooError: there are no images.
    """
    # Sums of products of integers are exact in float64 up to 2^53, that is, for 10^11 pixels.
    images, pixels, image_sum, products = 0, 0, np.zeros(()), np.zeros(())
    for batch in batches:
        colors = batch.reshape(-1, batch.shape[-1])
        images, pixels = images + len(batch), pixels + len(colors)
        image_sum = image_sum + batch.sum(0, dtype=np.float64)
        for part in np.array_split(colors, max(1, len(colors) // CACHED_PIXELS)):
            part = part.astype(np.float64)
            products = products + part.T @ part
    if not images:
        raise ZooError("cannot measure the normalization: no training image can be decoded")
    mean = image_sum.sum((0, 1)) / pixels
    covariance = products / pixels - np.outer(mean, mean)
    mean, scale = _shift_and_scale(normalization, image_sum / images, mean, np.sqrt(np.diag(covariance)))
    eigenvalues, eigenvectors = np.linalg.eigh(covariance / 255**2)
    components = 255 * eigenvectors * np.maximum(eigenvalues, 0)
    return Statistics(*(np.asarray(value, np.float32) for value in (mean, scale, components)))


@functools.singledispatch
def _shift_and_scale(
    normalization: Normalization, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    raise TypeError(type(normalization).__name__)


@_shift_and_scale.register
def _unit_range(
    normalization: UnitRange, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros_like(mean), np.full_like(mean, 255)


@_shift_and_scale.register
def _raw_range(
    normalization: RawRange, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros_like(mean), np.ones_like(mean)


@_shift_and_scale.register
def _signed_range(
    normalization: SignedRange, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.full_like(mean, 127.5), np.full_like(mean, 127.5)


@_shift_and_scale.register
def _fixed_mean_std(
    normalization: FixedMeanStd, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    given = np.array(normalization.mean), np.array(normalization.std)
    if len(normalization.mean) not in (1, len(mean)):
        raise ZooError(
            f"FixedMeanStd has {len(normalization.mean)} values of mean, but the images have {len(mean)} channels"
        )
    return np.broadcast_to(given[0], mean.shape), np.broadcast_to(given[1], mean.shape)


@_shift_and_scale.register
def _channel_mean_std(
    normalization: ChannelMeanStd, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return mean, np.where(std > 0, std, 1)


@_shift_and_scale.register
def _pixel_mean(
    normalization: PixelMean, mean_image: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return mean_image, np.ones_like(mean)


def measure_split(
    normalization: Normalization,
    train: Split,
    train_pipeline: InputPipeline,
    eval_pipeline: InputPipeline,
    on_progress: Callable[[str, int, int], None],
) -> Statistics:
    """Computes statistics of training images with the deterministic resize and crop of evaluation."""
    sample = sample_size(normalization)
    if train_pipeline.resident and train_pipeline.host_transforms == eval_pipeline.host_transforms:
        images = train_pipeline.split.images
        assert images is not None  # else it would not be resident
        images = images[sample_indices(len(images), sample)]
        batches = np.array_split(images, max(1, images.size // 2**24))
    else:
        indices = sample_indices(len(train), sample)
        batches = _images(dataclasses.replace(eval_pipeline, split=train), indices, on_progress)
    measured = measure(normalization, batches)
    if measured.mean.ndim == 3:  # a mean image passes through the transforms before Normalize()
        before = itertools.takewhile(lambda transform: not isinstance(transform, Normalize), eval_pipeline.transforms)
        mean = augment.apply(tuple(before), measured.mean, jax.random.key(0), measured)
        measured = measured._replace(mean=jax.device_get(mean))
    return measured


def _images(pipeline, indices, on_progress):
    done = 0
    for images, *_ in decoded(pipeline, indices):
        yield images
        done += len(images)
        on_progress("measuring training images", done, len(indices))
