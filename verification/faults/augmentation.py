"""Mistakes in augmentation: what is done to training images."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

import zoo.data.augment
import zoo.data.augment.color
import zoo.data.augment.geometry
import zoo.data.augment.policies
import zoo.data.augment.resize_crop
import zoo.training.prepare
import zoo.training.step.inputs
import zoo.training.step.step
from verification.faults.applies import flips, images, mixing, random_transforms, resizes
from verification.faults.fault import fault
from verification.faults.patching import inputs_in_training, replaced, together, with_attributes
from zoo.data.augment.mixing import mix_example
from zoo.recipe import HorizontalFlip, Normalize, VerticalFlip
from zoo.recipe.augmentation import Affine


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


def _flipped_with(transforms, probability):
    """Returns transforms with another probability of a horizontal flip."""
    return tuple(HorizontalFlip(probability) if isinstance(each, HorizontalFlip) else each for each in transforms)


def _blends(recipe):
    """Whether training images are blended with others: brightness, contrast, saturation."""
    return any(type(each).__name__ in ("Brightness", "Contrast", "Saturation") for each in recipe.augmentation.train)


def _affine(recipe):
    """Whether training images are shifted, rotated, sheared or zoomed, and the border fills what is outside."""
    return any(isinstance(each, Affine) and each.fill == "nearest" for each in recipe.augmentation.train)


def _several_random(recipe):
    """Whether several transforms of training are random."""
    return sum(each.random for each in recipe.augmentation.train) > 1


@fault("Training images are not augmented: they get the transforms of evaluation.", applies=random_transforms)
def augmentation_missing():
    def change(data):
        transforms = data.eval_pipeline.transforms
        return {"train_pipeline": dataclasses.replace(data.train_pipeline, transforms=transforms)}

    return prepared_as(change)


@fault("Training images are flipped with another probability.", strengths=(0.0, 1.0, 0.25), matters=1.0, applies=flips)
def flip_probability(value):
    return _of_training(lambda transforms: _flipped_with(transforms, value))


@fault("Training images are flipped vertically instead of horizontally.", applies=flips)
def vertical_flips():
    def change(transforms):
        return [VerticalFlip(each.probability) if isinstance(each, HorizontalFlip) else each for each in transforms]

    return _of_training(change)


@fault(
    "Only the images of the first half of a batch are flipped.",
    applies=flips,
    bases=("verification.faults.bases.mixed", "squeezenet1_1"),
)
def flips_in_half_of_batch():
    def make(right):
        def wrong(transforms, constants, batch, key):
            inputs, labels = right(transforms, constants, batch, key)
            others, _ = right(_flipped_with(transforms, 0.0), constants, batch, key)
            first = jnp.arange(len(inputs)) < len(inputs) // 2
            return jnp.where(first[:, None, None, None], inputs, others), labels

        return wrong

    return replaced(zoo.training.step.inputs, "inputs_and_labels", make)


@fault(
    "Whether an image is flipped depends on its class: all of the even classes are, and none of the odd ones.",
    applies=flips,
    bases=("verification.faults.bases.mixed",),
)
def flips_by_class():
    """Half of all images are flipped, as should be."""

    def make(right):
        def wrong(transforms, constants, batch, key):
            always, labels = right(_flipped_with(transforms, 1.0), constants, batch, key)
            never, _ = right(_flipped_with(transforms, 0.0), constants, batch, key)
            flipped = jnp.asarray(labels) % 2 == 0
            return jnp.where(flipped[:, None, None, None], always, never), labels

        return wrong

    return replaced(zoo.training.step.inputs, "inputs_and_labels", make)


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


@fault(
    "Pixels that are shifted in from outside of the image are black, or of its other side, not those of the border.",
    strengths=("wrap", "constant"),
    matters="constant",
    applies=_affine,
    bases=("verification.faults.bases.mixed",),
)
def shift_fill(mode):
    def make(right):
        return lambda pixels, matrix, fill, order: right(pixels, matrix, mode, order)

    return replaced(zoo.data.augment.geometry, "warp", make)


@fault(
    "Pixels above 255 after a change of brightness or contrast are not clipped: they overflow as bytes, or stay.",
    strengths=("overflow", "unclipped"),
    matters="overflow",
    applies=_blends,
    bases=("verification.faults.bases.mixed",),
)
def brightness_not_clipped(kind):
    def wrong(pixels, other, factor):
        values = factor * pixels + (1 - factor) * other
        return jnp.mod(jnp.floor(values), 256) if kind == "overflow" else values

    return together(
        replaced(zoo.data.augment.color, "blend", lambda right: wrong),
        replaced(zoo.data.augment.policies, "blend", lambda right: wrong),
    )


@fault("All examples of a batch are augmented with the same key.", applies=random_transforms)
def one_key_for_the_batch():
    def make(right):
        def wrong(transforms, constants, batch, key):
            return right(transforms, constants, batch._replace(position=jnp.zeros_like(batch.position)), key)

        return wrong

    return replaced(zoo.training.step.inputs, "inputs_and_labels", make)


@fault(
    "All transforms of an image use the same key.", applies=_several_random, bases=("verification.faults.bases.mixed",)
)
def one_key_for_all_transforms():
    def make(module):
        return with_attributes(module, random=with_attributes(module.random, fold_in=lambda key, index: key))

    return replaced(zoo.data.augment, "jax", make)


@fault("Every image is mixed with itself.", applies=mixing)
def images_not_mixed():
    def make(right):
        def wrong(transforms, mixing, constants, batch, key):
            inputs, labels = zoo.training.step.inputs.inputs_and_labels(transforms, constants, batch, key)
            _, _, coefficient = right(transforms, mixing, constants, batch, key)
            return inputs, labels, coefficient

        return wrong

    return replaced(zoo.training.step.step, "mixed_inputs", make)


@fault(
    "Images are mixed with the example before, labels with the neighbour of a pair: for half of them, that is another.",
    applies=mixing,
    bases=("verification.faults.bases.mixed",),
)
def mixed_with_example_before():
    def make(right):
        def wrong(mixing, images, weight, keys):
            return jax.vmap(functools.partial(mix_example, mixing))(images, jnp.roll(images, 1, 0), keys)

        return wrong

    return replaced(zoo.training.step.inputs.augment, "mix", make)


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
