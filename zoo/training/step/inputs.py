"""Inputs of a step: the examples of a batch, augmented, normalized and mixed on the device, with a key per example."""

import functools
from typing import NamedTuple

import jax

from zoo.data import augment
from zoo.data.normalization import Array, Statistics
from zoo.data.pipeline import Batch, InputPipeline
from zoo.recipe.augmentation import Mixing, Transform
from zoo.training.step.state import TrainState


class Constants(NamedTuple):
    """The inputs that are the same in every step.

    Attributes:
      statistics: of the training images.
      images, labels: the whole split if it is resident on the device, uint8 [N, H, W, C], or float32 [N, 1, 1, F] for
        features, and int32 [N]; otherwise None.
    """

    statistics: Statistics
    images: Array | None
    labels: Array | None


def make_constants(statistics: Statistics, pipeline: InputPipeline) -> Constants:
    """Makes the constants of every step over an input pipeline."""
    images, labels = (pipeline.split.images, pipeline.split.labels) if pipeline.resident else (None, None)
    return Constants(statistics, images, labels)


def step_keys(state: TrainState) -> tuple[jax.Array, jax.Array]:
    """Derives a step's keys for augmentation and dropout from seed and step alone, so that resuming is exact."""
    augment_key, dropout_key = jax.random.split(jax.random.fold_in(jax.random.key(state.seed), state.step))
    return augment_key, dropout_key


def inputs_and_labels(
    transforms: tuple[Transform, ...], constants: Constants, batch: Batch, key: jax.Array
) -> tuple[jax.Array, Array]:
    """Returns the network's inputs, float32 [n, H, W, C], and the labels, int32 [n].

    Each example's key is derived from `key` and the example's position in the global batch. With `TenCrop`, the inputs
    are [n, 10, H, W, C].
    """
    images: Array | None = batch.image
    labels: Array | None = batch.label
    if constants.images is not None and constants.labels is not None:
        images, labels = constants.images[batch.index], constants.labels[batch.index]
    assert images is not None and labels is not None  # a batch contains what is not resident
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, batch.position)
    transform = functools.partial(augment.apply, transforms)
    return jax.vmap(transform, (0, 0, None))(images, keys, constants.statistics), labels


def mixed_inputs(
    transforms: tuple[Transform, ...], mixing: Mixing | None, constants: Constants, batch: Batch, key: jax.Array
) -> tuple[jax.Array, Array, jax.Array | None]:
    """Returns inputs and labels as `inputs_and_labels` does, with the images mixed, and the mixing coefficients.

    The coefficient, float32 [n], is the fraction of each mixed image that is its own (lambda); None without mixing.
    """
    images, labels = inputs_and_labels(transforms, constants, batch, key)
    if mixing is None:
        return images, labels, None
    # A transform's key is the example's key folded with the transform's index; mixing has the index after the last one.
    keys = jax.vmap(lambda position: jax.random.fold_in(jax.random.fold_in(key, position), len(transforms)))
    images, coefficient = augment.mix(mixing, images, batch.weight, keys(batch.position))
    return images, labels, coefficient
