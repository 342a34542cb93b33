"""Inputs of a step: the examples of a batch, augmented, normalized and mixed on the device, from keys of their own."""

import functools
from typing import NamedTuple

import jax

from zoo.data import augment
from zoo.data.normalization import Array, Statistics
from zoo.data.pipeline import Batch, InputPipeline
from zoo.recipe.augmentation import Mixing, Transform
from zoo.training.step.state import TrainState


class Constants(NamedTuple):
    """What is the same in every step.

    Attributes:
      statistics: of the training images.
      images, labels: the split, if it is resident on the device: uint8 [N, H, W, C], or float32 [N, 1, 1, F] for
        features, and int32 [N]; else None.
    """

    statistics: Statistics
    images: Array | None
    labels: Array | None


def make_constants(statistics: Statistics, pipeline: InputPipeline) -> Constants:
    """The constants of every step over an input pipeline."""
    images, labels = (pipeline.split.images, pipeline.split.labels) if pipeline.resident else (None, None)
    return Constants(statistics, images, labels)


def step_keys(state: TrainState) -> tuple[jax.Array, jax.Array]:
    """The keys of a step's augmentation and of its dropout: nothing is carried along, so resuming is exact."""
    augment_key, dropout_key = jax.random.split(jax.random.fold_in(jax.random.key(state.seed), state.step))
    return augment_key, dropout_key


def inputs_and_labels(
    transforms: tuple[Transform, ...], constants: Constants, batch: Batch, key: jax.Array
) -> tuple[jax.Array, Array]:
    """What the network is fed, float32 [n, H, W, C], and the labels; each example's key follows from its position.

    A `TenCrop` makes the images [n, 10, H, W, C].
    """
    images: Array | None = batch.image
    labels: Array | None = batch.label
    if constants.images is not None and constants.labels is not None:
        images, labels = constants.images[batch.index], constants.labels[batch.index]
    assert images is not None and labels is not None  # a batch has what is not resident
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, batch.position)
    transform = functools.partial(augment.apply, transforms)
    return jax.vmap(transform, (0, 0, None))(images, keys, constants.statistics), labels


def mixed_inputs(
    transforms: tuple[Transform, ...], mixing: Mixing | None, constants: Constants, batch: Batch, key: jax.Array
) -> tuple[jax.Array, Array, jax.Array | None]:
    """What `inputs_and_labels` gives, with the images mixed, and the part [n] of each that is its own; None without mixing."""
    images, labels = inputs_and_labels(transforms, constants, batch, key)
    if mixing is None:
        return images, labels, None
    # An example's transforms draw from its key and their places in the list; mixing comes after the last of them.
    keys = jax.vmap(lambda position: jax.random.fold_in(jax.random.fold_in(key, position), len(transforms)))
    images, share = augment.mix(mixing, images, batch.weight, keys(batch.position))
    return images, labels, share
