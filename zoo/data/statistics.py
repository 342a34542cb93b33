"""What normalization needs to know of the training images: their mean, their scale, their colours."""

import functools
from collections.abc import Iterable

import numpy as np

from zoo.data.augment import Statistics
from zoo.errors import ZooError
from zoo.recipe.augmentation import ChannelMeanStd, Normalization, PixelMean, RawRange, SignedRange, UnitRange


def sample_size(normalization: Normalization) -> int:
    """How many training images `measure` wants to see; the recipe's, or for a fixed range few, for the colours."""
    return getattr(normalization, "sample", 1_000)


def sample_indices(examples: int, count: int) -> np.ndarray:
    """`count` positions spread evenly over a split (or all of it): the same ones each time."""
    return np.unique(np.linspace(0, examples - 1, min(count, examples)).round().astype(np.int64))


def measure(normalization: Normalization, batches: Iterable[np.ndarray]) -> Statistics:
    """Statistics of training images, uint8 [N, H, W, C] a batch; exact sums, the same on every machine.

    Raises:
      ZooError: there is not one image.
    """
    # Sums of products of whole numbers: exact in float64 up to 2^53, which is 10^11 pixels.
    images, pixels, image_sum, products = 0, 0, 0.0, 0.0
    for batch in batches:
        colors = batch.reshape(-1, batch.shape[-1]).astype(np.float64)
        images, pixels = images + len(batch), pixels + len(colors)
        image_sum = image_sum + batch.sum(0, dtype=np.float64)
        products = products + colors.T @ colors
    if not images:
        raise ZooError("not one training image can be decoded to measure the normalization with")
    mean = image_sum.sum((0, 1)) / pixels
    covariance = products / pixels - np.outer(mean, mean)
    mean, scale = _shift_and_scale(normalization, image_sum / images, mean, np.sqrt(np.diag(covariance)))
    eigenvalues, eigenvectors = np.linalg.eigh(covariance / 255**2)
    components = 255 * eigenvectors * np.maximum(eigenvalues, 0)
    return Statistics(*(np.asarray(value, np.float32) for value in (mean, scale, components)))


@functools.singledispatch
def _shift_and_scale(normalization: Normalization, mean_image, mean, deviation):
    raise TypeError(type(normalization).__name__)


@_shift_and_scale.register
def _unit_range(normalization: UnitRange, mean_image, mean, deviation):
    return np.zeros_like(mean), np.full_like(mean, 255)


@_shift_and_scale.register
def _raw_range(normalization: RawRange, mean_image, mean, deviation):
    return np.zeros_like(mean), np.ones_like(mean)


@_shift_and_scale.register
def _signed_range(normalization: SignedRange, mean_image, mean, deviation):
    return np.full_like(mean, 127.5), np.full_like(mean, 127.5)


@_shift_and_scale.register
def _channel_mean_std(normalization: ChannelMeanStd, mean_image, mean, deviation):
    return mean, np.where(deviation > 0, deviation, 1)


@_shift_and_scale.register
def _pixel_mean(normalization: PixelMean, mean_image, mean, deviation):
    return mean_image, np.ones_like(mean)
