"""Common mistakes that can be injected on purpose: verification must fail for each of them.

python -m verification --recipe=alexnet --fault=no_lrn
"""

import contextlib
import dataclasses
from collections.abc import Callable
from unittest import mock

import numpy as np

import zoo.data.features
import zoo.data.sources
import zoo.data.statistics
import zoo.layers.conv
import zoo.layers.normalization
import zoo.training.prepare
import zoo.training.step.initialization


def same_padding():
    """Replaces the padding VALID of convolutions with SAME."""
    resolve = zoo.layers.conv.resolve_window

    def wrong(layer, image_size, size, strides, padding):
        return resolve(layer, image_size, size, strides, "SAME" if padding == "VALID" else padding)

    return mock.patch.object(zoo.layers.conv, "resolve_window", wrong)


def no_lrn():
    """Replaces local response normalization with the identity."""
    return mock.patch.object(zoo.layers.normalization, "local_response_norm", lambda x, *constants: x)


@contextlib.contextmanager
def raw_pixels():
    """Disables input normalization: pixels range from 0 to 255, features keep their scale."""

    def without_normalization(measure):
        def wrong(*arguments):
            right = measure(*arguments)
            return right._replace(mean=np.zeros_like(right.mean), scale=np.ones_like(right.scale))

        return wrong

    with contextlib.ExitStack() as stack:
        for module in (zoo.data.statistics, zoo.data.features):
            stack.enter_context(mock.patch.object(module, "measure", without_normalization(module.measure)))
        yield


def wide_initialization():
    """Multiplies initial weights by 10."""
    draw = zoo.training.step.initialization.draw
    return mock.patch.object(zoo.training.step.initialization, "draw", lambda *arguments: 10 * draw(*arguments))


def shuffled_labels():
    """Permutes the training labels."""
    open_source = zoo.data.sources.open_source

    def wrong(*arguments, **options):
        dataset = open_source(*arguments, **options)
        order = np.random.default_rng(0).permutation(len(dataset.train))
        train = dataclasses.replace(dataset.train, labels=dataset.train.labels[order])
        return dataclasses.replace(dataset, train=train)

    return mock.patch.object(zoo.data.sources, "open_source", wrong)


def evaluated_on_training_images():
    """Replaces the evaluation images with training images."""
    open_source = zoo.data.sources.open_source

    def wrong(*arguments, **options):
        dataset = open_source(*arguments, **options)
        count = len(dataset.eval)
        seen = dataclasses.replace(
            dataset.train, images=dataset.train.images[:count], labels=dataset.train.labels[:count]
        )
        return dataclasses.replace(dataset, eval=seen)

    return mock.patch.object(zoo.data.sources, "open_source", wrong)


def high_learning_rate():
    """Multiplies the learning rate by 100."""
    return _scaled_learning_rate(100.0)


def low_learning_rate():
    """Divides the learning rate by 100."""
    return _scaled_learning_rate(0.01)


def _scaled_learning_rate(factor):
    learning_rate = zoo.training.prepare.learning_rate

    def wrong(schedule, total_steps):
        right = learning_rate(schedule, total_steps)
        return lambda step: factor * right(step)

    return mock.patch.object(zoo.training.prepare, "learning_rate", wrong)


FAULTS: dict[str, Callable] = {
    fault.__name__: fault
    for fault in (
        same_padding,
        no_lrn,
        raw_pixels,
        wide_initialization,
        shuffled_labels,
        evaluated_on_training_images,
        high_learning_rate,
        low_learning_rate,
    )
}
