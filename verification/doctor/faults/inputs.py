"""Faults of the inputs, of their scaling, and of evaluation's preprocessing."""

import dataclasses

import numpy as np

from verification.doctor.case import Fault
from zoo.data.dataset import Dataset
from zoo.data.split import ArraySplit
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.recipe import RawRange, UnitRange
from zoo.recipe.features import FeatureNormalization, Unscaled

SHOWN = "inputs_unscaled"


def _raw(subject, factor):
    return subject.override({"normalization": RawRange()})


def _features(subject, factor):
    """Features in other units, as of a table of amounts and ages, and no scaling."""
    assert isinstance(subject.recipe.normalization, FeatureNormalization)
    spread = np.geomspace(1, factor, 20).astype(np.float32)
    for evaluation in (False, True):
        subject = subject.with_arrays(lambda images, labels: (images * spread, labels), evaluation=evaluation)
    return subject.override({"normalization": Unscaled()})


def _twice(subject, divisor):
    """Images that were divided by a number before they are scaled to [0, 1]."""

    def divide(images, labels):
        return (images // divisor).astype(np.uint8), labels

    for evaluation in (False, True):
        subject = subject.with_arrays(divide, evaluation=evaluation)
    return subject.override({"normalization": UnitRange()})


def _blank(subject, fraction):
    def blank(images, labels):
        images[np.random.default_rng(0).random(len(images)) < fraction] = 0
        return images, labels

    return subject.with_arrays(blank)


class EvaluatedRaw(RecipeProgram):
    """Evaluates images without the scaling of training."""

    def inputs(self, images, *, train, seed):
        seen = super().inputs(images, train=train, seed=seed)
        return seen if train else seen * 60.0 + 100.0


class EvaluatedInverted(RecipeProgram):
    """Evaluates images with black and white exchanged."""

    def inputs(self, images, *, train, seed):
        return super().inputs(images if train else 255 - images, train=train, seed=seed)


def _evaluated(subject, kind):
    return dataclasses.replace(subject, program={"raw": EvaluatedRaw, "inverted": EvaluatedInverted}[kind])


def _leak(subject, fraction):
    """A part of the evaluation examples is in the training split as well."""
    data = subject.data
    count = int(fraction * len(data.eval))

    def join(images, labels):
        return np.concatenate([images, data.eval.images[:count]]), np.concatenate([labels, data.eval.labels[:count]])

    return subject.with_arrays(join)


def _few(subject, count):
    def cut(images, labels):
        return images[:count], labels[:count]

    return subject.with_arrays(cut).override({"budget.batch_size": min(subject.recipe.budget.batch_size, count)})


def _sorted_split(subject, missing):
    """A split of sorted data: the last classes are not in the training split."""
    data: Dataset = subject.data
    classes = len(data.class_names)
    keep = data.train.labels < classes - missing
    train = ArraySplit(data.train.images[keep], data.train.labels[keep], name="train")
    return dataclasses.replace(subject, dataset=dataclasses.replace(data, train=train))


FAULTS = (
    Fault("raw pixels", (SHOWN,), _raw, (None,), ("lenet5", "plain", "residual")),
    Fault("features of other units", (SHOWN,), _features, (1e4, 1e3), ("mlp",)),
    Fault("scaled twice", ("inputs_scaled_twice",), _twice, (64, 128), ("lenet5", "plain")),
    Fault("blank images", ("low_quality",), _blank, (0.3, 0.1), ("lenet5", "bn_cnn")),
    Fault(
        "evaluation not scaled", ("evaluation_preprocessing",), _evaluated, ("raw", "inverted"), ("lenet5", "bn_cnn")
    ),
    Fault("leakage", ("leakage",), _leak, (0.5, 0.2), ("lenet5", "mlp", "bn_cnn")),
    Fault(
        "images memorized",
        ("augmentation_missing", "regularization_weak", "too_little_data"),
        _few,
        (200, 300),
        ("residual",),
    ),
    Fault("few examples", ("too_little_data", "regularization_weak"), _few, (60, 40), ("lenet5", "mlp")),
    Fault("classes missing in training", ("bad_split",), _sorted_split, (2, 4), ("lenet5", "bn_cnn")),
)
