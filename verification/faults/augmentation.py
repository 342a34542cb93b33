"""Mistakes in augmentation: what is done to training images."""

import dataclasses

import jax
import jax.numpy as jnp

import zoo.data.augment.resize_crop
import zoo.training.prepare
import zoo.training.step.inputs
from verification.faults.applies import flips, images, mixing, random_transforms, resizes
from verification.faults.fault import fault
from verification.faults.patching import inputs_in_training, replaced
from zoo.recipe import HorizontalFlip, Normalize, VerticalFlip


def prepared_as(change):
    """Changes the prepared data: `change(data) -> changed fields` of `zoo.training.prepare.data.PreparedData`."""

    def make(right):
        def wrong(*arguments, **options):
            data = right(*arguments, **options)
            return dataclasses.replace(data, **change(data))

        return wrong

    return replaced(zoo.training.prepare, "prepare_data", make)


def _of_training(change):
    """Changes the transforms of training that run on the device: `change(transforms) -> transforms`."""

    def changed(data):
        transforms = tuple(change(data.train_pipeline.transforms))
        return {"train_pipeline": dataclasses.replace(data.train_pipeline, transforms=transforms)}

    return prepared_as(changed)


@fault("Training images are not augmented: they get the transforms of evaluation.", applies=random_transforms)
def augmentation_missing():
    def change(data):
        transforms = data.eval_pipeline.transforms
        return {"train_pipeline": dataclasses.replace(data.train_pipeline, transforms=transforms)}

    return prepared_as(change)


@fault("Training images are flipped with another probability.", strengths=(0.0, 1.0, 0.25), matters=1.0, applies=flips)
def flip_probability(value):
    def change(transforms):
        return [HorizontalFlip(value) if isinstance(each, HorizontalFlip) else each for each in transforms]

    return _of_training(change)


@fault("Training images are flipped vertically instead of horizontally.", applies=flips)
def vertical_flips():
    def change(transforms):
        return [VerticalFlip(each.probability) if isinstance(each, HorizontalFlip) else each for each in transforms]

    return _of_training(change)


@fault(
    "Training images are scaled first and augmented afterwards.",
    applies=lambda recipe: any(each.random and each.before_normalize for each in recipe.augmentation.train),
)
def scaled_before_augmentation():
    def change(transforms):
        return sorted(transforms, key=lambda each: not isinstance(each, Normalize))

    return _of_training(change)


@fault("Training images are rotated by 90 degrees.", applies=images)
def rotated_in_training():
    return inputs_in_training(lambda inputs: jnp.rot90(inputs, axes=(1, 2)))


@fault("Training images are shifted by a pixel.", applies=images)
def shifted_in_training():
    return inputs_in_training(lambda inputs: jnp.roll(inputs, 1, 2))


@fault("All examples of a batch are augmented with the same key.", applies=random_transforms)
def one_key_for_the_batch():
    def make(right):
        def wrong(transforms, constants, batch, key):
            return right(transforms, constants, batch._replace(position=jnp.zeros_like(batch.position)), key)

        return wrong

    return replaced(zoo.training.step.inputs, "inputs_and_labels", make)


@fault("Every image is mixed with itself.", applies=mixing)
def images_not_mixed():
    def make(right):
        def wrong(transforms, mixing, constants, batch, key):
            inputs, labels = zoo.training.step.inputs.inputs_and_labels(transforms, constants, batch, key)
            _, _, coefficient = right(transforms, mixing, constants, batch, key)
            return inputs, labels, coefficient

        return wrong

    return replaced(zoo.training.step.step, "mixed_inputs", make)


@fault("All pairs of a batch are mixed with the same coefficient.", applies=mixing)
def one_mixing_coefficient():
    def make(right):
        def wrong(mixing, inputs, weight, keys):
            return right(
                mixing, inputs, weight, jax.tree.map(lambda each: jnp.broadcast_to(each[:1], each.shape), keys)
            )

        return wrong

    return replaced(zoo.training.step.inputs.augment, "mix", make)


@fault("Images are resized without interpolation.", applies=resizes)
def resized_by_nearest_pixel():
    def make(right):
        return lambda pixels, height, width, interpolation="bilinear": right(pixels, height, width, "nearest")

    return replaced(zoo.data.augment.resize_crop, "_resized", make)
