"""Arrays of examples, of whatever layout: images with channels first or last, or tables of features."""

import hashlib
from collections.abc import Sequence

import numpy as np

from zoo.doctor.program import can
from zoo.doctor.session import Sample, Session

MAX_VALUES = 2**24  # of a sample that is measured: fewer examples of large images
COLOR_CHANNELS = (1, 3)


def is_table(images: np.ndarray) -> bool:
    """Returns whether examples are vectors of features, as [n, F] or [n, 1, 1, F]."""
    return sum(size > 1 for size in images.shape[1:]) <= 1 or images.ndim not in (3, 4)


def channels_last(images: np.ndarray) -> np.ndarray:
    """Returns images as [n, H, W, C] and features as [n, F]; of images [n, H, W], C is 1."""
    images = np.asarray(images)
    if is_table(images):
        return images.reshape(len(images), int(np.prod(images.shape[1:])))
    if images.ndim == 3:
        return images[..., None]
    if images.shape[1] in COLOR_CHANNELS and images.shape[-1] not in COLOR_CHANNELS:
        return np.moveaxis(images, 1, -1)
    return images


def flat_like(images: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Returns images of a single colour each, [len(colors), ...], in the layout and type of others.

    Args:
      images: [n, ...], whose layout is taken.
      colors: [m, C], or [m, 1] for all channels.
    """
    wanted = channels_last(images[:1])
    flat = np.broadcast_to(
        colors.reshape(len(colors), *(1,) * (wanted.ndim - 2), -1), (len(colors), *wanted.shape[1:])
    ).astype(images.dtype)
    if flat.ndim == 4 and images.ndim == 4 and flat.shape[1:] != images.shape[1:]:
        return np.moveaxis(flat, -1, 1)
    return flat.reshape(len(colors), *images.shape[1:])


def thumbnails(images: np.ndarray, size: int) -> np.ndarray:
    """Returns images [n, H, W, C] as averages of at most size x size areas, float32."""
    for axis in (1, 2):
        count = min(size, images.shape[axis])
        if count == images.shape[axis]:
            images = images.astype(np.float32, copy=False)
            continue
        starts = np.arange(count) * images.shape[axis] // count
        widths = np.diff(np.append(starts, images.shape[axis])).astype(np.float32)
        sums = np.add.reduceat(images, starts, axis=axis, dtype=np.float32)
        images = sums / widths.reshape([-1 if place == axis else 1 for place in range(4)])
    return images


def fingerprints(images: np.ndarray) -> np.ndarray:
    """Returns a 64-bit number for each example, equal for equal ones."""
    digests = (hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images)
    return np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)


def nearly_blank(images: np.ndarray, share: float = 0.02) -> np.ndarray:
    """Returns which images hardly vary: their standard deviation is below a share of the images' median one."""
    if is_table(images) or not len(images):
        return np.zeros(len(images), bool)
    deviations = np.std(thumbnails(channels_last(images), 16), axis=(1, 2)).max(-1)
    return deviations <= share * np.nanmedian(deviations)


def take(sample: Sample, positions: np.ndarray) -> Sample:
    """Returns some examples of a sample."""
    names = None if sample.names is None else [sample.names[place] for place in positions]
    return Sample(sample.images[positions], sample.labels[positions], sample.classes[positions], names, sample.batch)


def spread(sample: Sample, limit: int, values: int = MAX_VALUES) -> Sample:
    """Returns at most `limit` examples and about `values` values, evenly spread, since examples may come by class."""
    each = max(1, int(np.prod(sample.images.shape[1:])))
    count = min(len(sample.images), limit, max(32, values // each))
    if count == len(sample.images):
        return sample
    return take(sample, np.linspace(0, len(sample.images) - 1, count).astype(int))


def distinct(sample: Sample) -> Sample:
    """Returns the first of each group of equal examples."""
    _, first = np.unique(fingerprints(sample.images), return_index=True)
    return sample if len(first) == len(sample.images) else take(sample, np.sort(first))


def received(session: Session, images: np.ndarray, *, train: bool, seed: int = 0) -> np.ndarray:
    """Returns what the network receives for some images; the images themselves if the program does not tell."""
    if not can(session.program, "inputs"):
        return np.asarray(images)
    return np.asarray(session.program.inputs(images, train=train, seed=seed))  # type: ignore[attr-defined]


def named(sample: Sample, positions: Sequence[int], limit: int = 10) -> list[str]:
    """Returns where the first of some examples are from: their names, else their positions."""
    return [str(sample.names[place]) if sample.names is not None else f"#{place}" for place in positions[:limit]]
