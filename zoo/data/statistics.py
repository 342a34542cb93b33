"""What normalization needs to know of the training images: their mean, their scale, their colours."""

import functools

import numpy as np

from zoo.data.augment import Statistics
from zoo.recipe.augmentation import ChannelMeanStd, Normalization, PixelMean, SignedRange, UnitRange


def sample_size(normalization: Normalization) -> int:
    """How many training images `measure` wants to see; the recipe's, or for a fixed range few, for the colours."""
    return getattr(normalization, "sample", 1_000)


def sample_indices(examples: int, count: int) -> np.ndarray:
    """`count` positions spread evenly over a split (or all of it): the same ones each time."""
    return np.unique(np.linspace(0, examples - 1, min(count, examples)).round().astype(np.int64))


def measure(normalization: Normalization, images: np.ndarray) -> Statistics:
    """Statistics of training images, uint8 [N, H, W, C]; exact sums, the same on every machine."""
    channels = images.shape[-1]
    count = images[..., 0].size
    # Sums of products of whole numbers: exact in float64 up to 2^53, which is 10^11 pixels.
    total, products = np.zeros(channels), np.zeros((channels, channels))
    for part in np.array_split(images, max(1, images.size // 2**24)):
        colors = part.reshape(-1, channels).astype(np.float64)
        total += colors.sum(0)
        products += colors.T @ colors
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    mean, scale = _shift_and_scale(normalization, images, mean, np.sqrt(np.diag(covariance)))
    eigenvalues, eigenvectors = np.linalg.eigh(covariance / 255**2)
    components = 255 * eigenvectors * np.maximum(eigenvalues, 0)
    return Statistics(*(np.asarray(value, np.float32) for value in (mean, scale, components)))


@functools.singledispatch
def _shift_and_scale(normalization: Normalization, images, mean, deviation):
    raise TypeError(type(normalization).__name__)


@_shift_and_scale.register
def _unit_range(normalization: UnitRange, images, mean, deviation):
    return np.zeros_like(mean), np.full_like(mean, 255)


@_shift_and_scale.register
def _signed_range(normalization: SignedRange, images, mean, deviation):
    return np.full_like(mean, 127.5), np.full_like(mean, 127.5)


@_shift_and_scale.register
def _channel_mean_std(normalization: ChannelMeanStd, images, mean, deviation):
    return mean, np.where(deviation > 0, deviation, 1)


@_shift_and_scale.register
def _pixel_mean(normalization: PixelMean, images, mean, deviation):
    return images.sum(0, dtype=np.float64) / len(images), np.ones_like(mean)
