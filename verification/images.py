"""Are the images that the network is fed what the recipe says, and are evaluation images others than training images?"""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from verification.check import Check, Group
from verification.statistics import share_is_plausible
from zoo.data import augment
from zoo.data.augment import Statistics
from zoo.data.dataset import Split
from zoo.data.loader import Feed, evaluation_batches
from zoo.recipe import (
    ChannelMeanStd,
    HorizontalFlip,
    PCAColor,
    PixelMean,
    RandomCrop,
    RandomResizedCrop,
    RawRange,
    SignedRange,
    UnitRange,
)
from zoo.recipe.augmentation import Normalization, Transform
from zoo.training.experiment import Experiment
from zoo.training.step import inputs_and_labels

ALPHA = 1e-3  # probability, over keys, that a check of something random fails though all is well
IMAGES = 256
SAME_SHARE = 0.01  # of evaluation images may be training images too; Fashion-MNIST has a handful


def check_images(group: Group, experiment: Experiment) -> Iterator[Check]:
    """Checks the splits, what the network is fed in evaluation, and each random transform of training."""
    yield check_splits(group, experiment.dataset.train, experiment.dataset.eval)
    inputs = network_inputs(experiment, experiment.eval_feed)
    plausible, found = looks_normalized(experiment.recipe.normalization, inputs)
    yield group.check("input", plausible, f"{found}, for {type(experiment.recipe.normalization).__name__}")
    shape = tuple(inputs.shape[1:])
    yield group.check(
        "size", shape == experiment.input_shape, f"{shape} in evaluation, {experiment.input_shape} in training"
    )
    for transform in experiment.recipe.augmentation.train:
        if transform.random:
            passed, found = behaves(transform)
            yield group.check(f"{type(transform).__name__}", passed, f"{found}; wrong once in {1 / ALPHA:,.0f} keys")


def check_splits(group: Group, train: Split, evaluation: Split) -> Check:
    """Whether evaluation images are among the training images, byte by byte."""
    known = {
        hash(_content(train, index)) for index in _spread(len(train), 60_000 if train.images is not None else 5_000)
    }
    looked_at = _spread(len(evaluation), 10_000 if evaluation.images is not None else 1_000)
    both = sum(hash(_content(evaluation, index)) in known for index in looked_at)
    share = both / len(looked_at)
    detail = f"{both} of {len(looked_at):,} evaluation images are among {len(known):,} training images; {SAME_SHARE:.0%} may be"
    return group.check("splits", share <= SAME_SHARE, detail)


def _spread(length, count):
    return np.unique(np.linspace(0, length - 1, min(length, count)).astype(int))


def _content(split, index):
    pixels, _ = split.read(int(index))
    return pixels if isinstance(pixels, bytes) else pixels.tobytes()


def network_inputs(experiment: Experiment, feed: Feed) -> np.ndarray:
    """What the network is fed of a few images of a feed, float32 [N, H, W, C]."""
    batch = next(evaluation_batches(feed, min(IMAGES, len(feed.split)), on_corrupt=lambda corrupt: None))
    look = jax.jit(inputs_and_labels, static_argnums=0)
    return np.asarray(look(feed.transforms, experiment.constants(feed), batch, jax.random.key(0))[0])


def looks_normalized(normalization: Normalization, inputs: np.ndarray) -> tuple[bool, str]:
    """Whether evaluation images [N, H, W, C] as the network gets them look like this normalization, and what they do.

    The bounds allow for evaluation images that are a little unlike the training images, and for what resizing takes off
    the deviation; pixels that were not normalized are beyond them by a factor of ten at least.
    """
    means, deviations = inputs.mean((0, 1, 2)), inputs.std((0, 1, 2))
    extremes = f"values from {inputs.min():.2f} to {inputs.max():.2f}"
    means_listed, deviations_listed = (", ".join(f"{value:.2f}" for value in values) for values in (means, deviations))
    moments = f"channel means {means_listed}, deviations {deviations_listed}"
    match normalization:
        case ChannelMeanStd():
            return bool(np.all(np.abs(means) < 0.5) and np.all(np.abs(deviations - 1) < 0.5)), moments
        case UnitRange():
            return bool(inputs.min() >= 0 and 0.5 < inputs.max() <= 1), extremes
        case RawRange():
            return bool(inputs.min() >= 0 and 127 < inputs.max() <= 255), extremes
        case SignedRange():
            return bool(-1 <= inputs.min() < 0 < inputs.max() <= 1), extremes
        case PixelMean():
            return bool(np.all(np.abs(means) < 30) and np.all(deviations > 10)), moments
    raise TypeError(f"nothing is known here of {type(normalization).__name__}")


# Each random transform by itself, on a picture from whose result one can read what was done to it.


@functools.singledispatch
def behaves(transform: Transform) -> tuple[bool, str]:
    """Whether many results of a transform are distributed as its docstring says, and what was found."""
    raise TypeError(f"there is no check of {type(transform).__name__} here yet")


def many(transform: Transform, picture: np.ndarray, statistics: Statistics | None = None) -> np.ndarray:
    """The transform's results for `IMAGES` keys."""
    channels = picture.shape[-1]
    neutral = Statistics(jnp.zeros(channels), jnp.ones(channels), jnp.zeros((channels, channels)))
    keys = jax.random.split(jax.random.key(0), IMAGES)
    function = functools.partial(augment.apply, (transform,))
    return np.asarray(jax.vmap(function, (None, 0, None))(jnp.asarray(picture), keys, statistics or neutral))


def coordinates(height: int, width: int) -> np.ndarray:
    """A picture whose first channel is the row and whose second is the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns], -1).astype(np.uint8)


@behaves.register
def _horizontal_flip(transform: HorizontalFlip):
    picture = coordinates(4, 9)
    mirrored = int(sum(np.array_equal(result, picture[:, ::-1]) for result in many(transform, picture)))
    return share_is_plausible(
        mirrored, IMAGES, transform.probability, ALPHA
    ), f"{mirrored} of {IMAGES} images are mirrored"


@behaves.register
def _random_crop(transform: RandomCrop):
    results = many(transform, coordinates(transform.size + 3, transform.size + 3) + 1)
    corner = results[:, transform.padding, transform.padding]  # inside of the image wherever the crop lies
    places = 4 + 2 * transform.padding
    pvalues = [
        scipy.stats.chisquare(np.bincount((corner[:, axis] - 1).astype(int), minlength=places)).pvalue
        for axis in (0, 1)
    ]
    return min(pvalues) >= ALPHA / 2, f"crops lie in {places} x {places} places with p = {min(pvalues):.3f} for evenly"


@behaves.register
def _random_resized_crop(transform: RandomResizedCrop):
    size, side = 32, 200
    small = RandomResizedCrop(size, transform.min_area, transform.max_area, transform.max_ratio)
    results = many(small, coordinates(side, side))
    # The slope of the coordinates, away from the borders, tells how large a part the crop shows.
    height = (results[:, -2, size // 2, 0] - results[:, 1, size // 2, 0]) * size / (size - 3)
    width = (results[:, size // 2, -2, 1] - results[:, size // 2, 1, 1]) * size / (size - 3)
    area = height * width / side**2
    largest = min(transform.max_area, 1 / transform.max_ratio)  # beyond it, sides are cut to those of the image
    uniform = scipy.stats.uniform(transform.min_area, largest - transform.min_area)
    inside = area[area < largest]
    expected = (largest - transform.min_area) / max(transform.max_area - transform.min_area, 1e-9)
    pvalue = scipy.stats.kstest(inside, uniform.cdf).pvalue
    share = share_is_plausible(len(inside), IMAGES, min(expected, 1.0), ALPHA / 2)
    return (
        pvalue >= ALPHA / 2 and share,
        f"areas from {area.min():.2f} to {area.max():.2f}, p = {pvalue:.3f} for evenly",
    )


@behaves.register
def _pca_color(transform: PCAColor):
    statistics = Statistics(jnp.zeros(3), jnp.ones(3), jnp.eye(3))
    results = many(transform, np.full((2, 2, 3), 100, np.uint8), statistics)
    amounts = (results[:, 0, 0] - 100).ravel()
    pvalue = scipy.stats.kstest(amounts, scipy.stats.norm(0, max(transform.stddev, 1e-9)).cdf).pvalue
    return pvalue >= ALPHA, f"amounts have the deviation {amounts.std():.3f}, p = {pvalue:.3f} for Gaussian"
