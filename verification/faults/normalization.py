"""Mistakes in the normalization of inputs: statistics, and what is done with them."""

import contextlib
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

import zoo.data.augment
import zoo.data.features
import zoo.data.statistics
import zoo.training.prepare.data
import zoo.training.step.step
from verification.faults.applies import images, measured
from verification.faults.augmentation import prepared_as
from verification.faults.fault import fault
from verification.faults.patching import inputs_in_training, replaced, together
from zoo.data.augment.canvas import Canvas
from zoo.data.selection import sample_indices
from zoo.data.splitting import all_labels, subset
from zoo.recipe import ChannelMeanStd, FeatureMeanStd, Normalize, Resize


def _measured(change):
    """Changes the statistics where they are measured: `change(statistics) -> statistics`."""

    def make(right):
        return lambda *arguments: change(right(*arguments))

    return together(*(replaced(module, "measure", make) for module in (zoo.data.statistics, zoo.data.features)))


def _prepared(change):
    """Changes the statistics that a run is prepared with: `change(statistics) -> statistics`."""
    return prepared_as(lambda data: {"statistics": change(data.statistics)})


def _measured_before_resizing(recipe):
    """Whether mean and deviation are those of images that evaluation resizes to a fixed size."""
    resized = any(isinstance(each, Resize) for each in recipe.augmentation.eval)
    return resized and isinstance(recipe.normalization, ChannelMeanStd)


def _scaled(statistics, factor):
    return statistics._replace(scale=np.asarray(factor * statistics.scale, np.float32))


@fault("Inputs are not normalized: pixels range from 0 to 255, features keep their scale.")
def raw_pixels():
    return _measured(lambda right: right._replace(mean=np.zeros_like(right.mean), scale=np.ones_like(right.scale)))


@fault("Inputs are normalized twice.", strengths=("both", "training"))
@contextlib.contextmanager
def scaled_twice(where):
    """A second normalization by the same statistics, of values that are normalized already."""
    if where == "training":
        with _training_only(lambda inputs, mean, scale: (inputs - mean) / scale):
            yield
        return
    with _prepared(
        lambda right: right._replace(
            mean=np.asarray(right.mean + right.scale * right.mean, np.float32),
            scale=np.asarray(right.scale * right.scale, np.float32),
        )
    ):
        yield


@fault("Training inputs are not normalized; those of evaluation are.")
def raw_in_training():
    return _training_only(lambda inputs, mean, scale: inputs * scale + mean)


def _training_only(change):
    """Changes training's inputs: `change(inputs, mean, scale) -> inputs`."""

    def make(right):
        def wrong(transforms, mixing, constants, batch, key):
            inputs, labels, coefficient = right(transforms, mixing, constants, batch, key)
            return change(inputs, constants.statistics.mean, constants.statistics.scale), labels, coefficient

        return wrong

    return replaced(zoo.training.step.step, "mixed_inputs", make)


@fault("Mean and standard deviation are swapped.", applies=measured)
def mean_and_std_swapped():
    return _prepared(lambda right: right._replace(mean=right.scale, scale=np.where(right.mean == 0, 1, right.mean)))


@fault("The mean is not subtracted.", applies=measured)
def mean_not_subtracted():
    return _prepared(lambda right: right._replace(mean=np.zeros_like(right.mean)))


@fault("The standard deviation is off.", strengths=(2.0, 1.2, 1.01), matters=1.2)
def scale_off(factor):
    return _prepared(lambda right: _scaled(right, factor))


@fault("The variance divides where the standard deviation should.", applies=measured)
def variance_for_deviation():
    return _prepared(lambda right: right._replace(scale=np.asarray(right.scale**2 / 255, np.float32)))


@fault(
    "The standard deviation of pixels is the mean over images of the one in each image.",
    applies=lambda recipe: isinstance(recipe.normalization, ChannelMeanStd),
    bases=("lenet5",),
)
def deviation_of_single_images():
    def make(right):
        def wrong(normalization, batches):
            batches = list(batches)
            statistics = right(normalization, batches)
            if not isinstance(normalization, ChannelMeanStd):
                return statistics
            deviations = np.concatenate([batch.std((1, 2), dtype=np.float32) for batch in batches])
            return statistics._replace(scale=np.asarray(deviations.mean(0), np.float32))

        return wrong

    return replaced(zoo.data.statistics, "measure", make)


@fault(
    "The standard deviation of features is a sample's, divided by n - 1, as pandas computes it.",
    applies=lambda recipe: isinstance(recipe.normalization, FeatureMeanStd),
    bases=("mlp",),
)
def deviation_of_sample():
    def make(right):
        def wrong(normalization, values):
            if not isinstance(normalization, FeatureMeanStd):
                return right(normalization, values)
            return values.mean(0), values.std(0, ddof=1)

        return wrong

    return replaced(zoo.data.features, "_shift_and_scale", make)


@fault(
    "Mean and deviation are those of images of the network's size: interpolation has smoothed them.",
    applies=_measured_before_resizing,
    bases=("lenet5",),
)
def measured_on_resized_images():
    def resized(part, size):
        shape = (len(part), size, size, part.shape[-1])
        return np.asarray(jax.image.resize(part.astype(np.float32), shape, "bilinear")).round().astype(np.uint8)

    def make(right):
        def wrong(normalization, train, train_pipeline, eval_pipeline, on_progress):
            sizes = [each.size for each in eval_pipeline.transforms if isinstance(each, Resize)]
            if not sizes or not train_pipeline.resident or not isinstance(normalization, ChannelMeanStd):
                return right(normalization, train, train_pipeline, eval_pipeline, on_progress)
            pixels = train_pipeline.split.images
            pixels = pixels[sample_indices(len(pixels), normalization.sample)]
            parts = np.array_split(pixels, max(1, len(pixels) // 1000))
            return zoo.data.statistics.measure(normalization, (resized(part, sizes[-1]) for part in parts))

        return wrong

    return replaced(zoo.training.prepare.data, "measure_split", make)


@fault("Training inputs are scaled otherwise than those of evaluation.", strengths=(0.8, 0.99), matters=0.8)
def training_scaled_otherwise(factor):
    return inputs_in_training(lambda inputs: factor * inputs)


def _measured_on(change):
    """Gives the measurement another split: `change(dataset, train, evaluation) -> (split, pipeline)`."""

    def make(right):
        def wrong(normalization, data, dataset, train, evaluation, on_progress):
            split, pipeline = change(dataset, train, evaluation)
            other = dataclasses.replace(dataset, train=split)
            return right(
                normalization, data, other, dataclasses.replace(pipeline, split=split), evaluation, on_progress
            )

        return wrong

    return replaced(zoo.training.prepare.data, "measure", make)


@fault("The statistics are those of the evaluation split.", applies=measured)
def statistics_of_test_split():
    return _measured_on(lambda dataset, train, evaluation: (dataset.eval, evaluation))


@fault("The statistics are those of both splits.", applies=measured)
def statistics_of_both_splits():
    def both(dataset, train, evaluation):
        images = np.concatenate([dataset.train.images, dataset.eval.images])
        labels = np.concatenate([dataset.train.labels, dataset.eval.labels])
        return dataclasses.replace(dataset.train, images=images, labels=labels, lines=None), train

    return _measured_on(both)


@fault("The statistics are those of the first 100 examples.", applies=measured)
def statistics_of_few():
    def few(dataset, train, evaluation):
        images, labels = dataset.train.images[:100], dataset.train.labels[:100]
        return dataclasses.replace(dataset.train, images=images, labels=labels, lines=None), train

    return _measured_on(few)


@fault("The statistics are those of the first class's examples only.", applies=measured, bases=("mlp", "lenet5"))
def statistics_of_one_class():
    def one_class(dataset, train, evaluation):
        labels = all_labels(dataset.train)
        return subset(dataset.train, np.flatnonzero(labels == labels.min())), train

    return _measured_on(one_class)


@fault(
    "Evaluation inputs are scaled otherwise than those of training.", strengths=(1.2, 1.01), matters=1.2, applies=images
)
def evaluation_scaled_otherwise(factor):
    def make(right):
        def wrong(*arguments):
            inputs, labels = right(*arguments)
            return factor * inputs, labels

        return wrong

    return replaced(zoo.training.step.step, "inputs_and_labels", make)


@fault("Every image is normalized by its own mean and deviation.", applies=images, bases=("lenet5", "bn_cnn"))
def normalized_per_image():
    def make(right):
        def wrong(transform, canvas, key, statistics):
            if not isinstance(transform, Normalize):
                return right(transform, canvas, key, statistics)
            mean, deviation = canvas.pixels.mean((0, 1)), canvas.pixels.std((0, 1))
            deviation = jnp.where(deviation > 0, deviation, 1)
            return Canvas((canvas.pixels - mean) / deviation, canvas.unit / deviation)

        return wrong

    return replaced(zoo.data.augment, "transformed", make)
