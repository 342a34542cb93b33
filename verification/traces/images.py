"""Are the images that the network is fed what the recipe says, and are evaluation images others than training images?"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from verification.check import Check, Group
from verification.traces.transforms import ALPHA, behaves, mixes
from zoo.data.dataset import Dataset
from zoo.data.pipeline import evaluation_batches
from zoo.data.selection import sample_indices
from zoo.recipe import ChannelMeanStd, PixelMean, RawRange, SignedRange, TenCrop, UnitRange
from zoo.recipe.augmentation import Normalization
from zoo.training.experiment import Experiment
from zoo.training.step.inputs import inputs_and_labels

EXAMPLES = 256
SHARED_FRACTION = 0.01  # of evaluation images may be training images too; Fashion-MNIST has a handful


def check_images(group: Group, experiment: Experiment) -> Iterator[Check]:
    """Checks the splits, what the network is fed in evaluation, each random transform of training, and the mixing."""
    yield check_splits(group, experiment.dataset)
    # From all over the split: a folder's images come class by class, and a class has colours of its own.
    inputs = network_inputs(experiment, sample_indices(len(experiment.dataset.eval), EXAMPLES))
    plausible, found = looks_normalized(experiment.recipe.normalization, inputs)
    yield group.check("input", plausible, f"{found}, for {type(experiment.recipe.normalization).__name__}")
    shape = tuple(inputs.shape[1:])
    detail = f"{shape} in evaluation, {experiment.input_shape} in training"
    yield group.check("size", fits(experiment, shape), detail)
    augmentation = experiment.recipe.augmentation
    checked = [
        (transform, *behaves(transform))
        for transform in (*augmentation.train, *augmentation.eval)
        if transform.random or isinstance(transform, TenCrop)
    ]
    if augmentation.mixing:
        checked.append((augmentation.mixing, *mixes(augmentation.mixing)))
    for part, passed, found in checked:
        rarely = "" if isinstance(part, TenCrop) else f"; wrong once in {1 / ALPHA:,.0f} keys"
        yield group.check(type(part).__name__, passed, f"{found}{rarely}")


def fits(experiment: Experiment, shape: tuple[int, int, int]) -> bool:
    """Whether evaluation images have the size of training images, or are larger by less than half, and the network takes
    both: random crops show objects larger than central ones do (Touvron et al. 2019, arXiv:1906.06423, section 3).
    """
    if shape == experiment.input_shape:
        return True

    def parameters(shape):
        variables = jax.eval_shape(
            lambda: experiment.model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False)
        )
        return jax.tree.map(lambda leaf: leaf.shape, variables)

    larger = all(1 <= size / trained < 1.5 for size, trained in zip(shape, experiment.input_shape, strict=True))
    return larger and parameters(shape) == parameters(experiment.input_shape)


def check_splits(group: Group, dataset: Dataset) -> Check:
    """Whether evaluation examples are among the training examples, byte by byte."""
    train, evaluation, what = dataset.train, dataset.eval, dataset.examples
    known_at = sample_indices(len(train), 60_000 if train.images is not None else 5_000)
    looked_at = sample_indices(len(evaluation), 10_000 if evaluation.images is not None else 1_000)
    known = {hash(_content(train, index)) for index in known_at}
    both = sum(hash(_content(evaluation, index)) in known for index in looked_at)
    allowed = (
        SHARED_FRACTION * len(looked_at) * len(known_at) / len(train)
    )  # as many as of all of them would be found here
    detail = (
        f"{both} of {len(looked_at):,} evaluation {what} are among {len(known_at):,} of {len(train):,} training {what};"
        f" {allowed:.1f} may be, {SHARED_FRACTION:.0%} of all"
    )
    return group.check("splits", both <= allowed, detail)


def _content(split, index):
    pixels, _ = split.read(int(index))
    return pixels if isinstance(pixels, bytes) else pixels.tobytes()


def network_inputs(experiment: Experiment, indices: np.ndarray) -> np.ndarray:
    """What the network is fed of some evaluation images, float32 [N, H, W, C]; each view of a `TenCrop` is one.

    Args:
      experiment: whose `eval_pipeline` it is.
      indices: of the images in the split.
    """
    pipeline = experiment.eval_pipeline
    batch = next(evaluation_batches(pipeline, len(indices), indices))
    look = jax.jit(inputs_and_labels, static_argnums=0)
    images = np.asarray(look(pipeline.transforms, experiment.constants(pipeline), batch, jax.random.key(0))[0])
    return images.reshape(-1, *images.shape[-3:])


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
