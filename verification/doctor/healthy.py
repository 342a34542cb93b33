"""Healthy programs, among them settings that simple rules call faults."""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from verification.doctor.bases import BASES, Plain, bn_cnn, lenet5, plain, residual
from verification.doctor.case import Case, Subject
from zoo.catalog import load_recipe
from zoo.recipe import (
    AdamW,
    Augmentation,
    ChannelMeanStd,
    ConstantRate,
    Cosine,
    Mixup,
    Normalize,
    RandomErasing,
    RandomRotation,
    RandomShift,
    Regularization,
    SignedRange,
    UnitRange,
    WeightAverage,
)

SEEDS = 5  # of each base that is not a recipe
RECIPES, RECIPE_SEEDS = ("mlp", "lenet5", "bn_cnn"), 20  # those that train in less than 30 s


def _two_classes():
    def keep(images, labels):
        chosen = np.isin(labels, (0, 9))
        return images[chosen], (labels[chosen] == 9).astype(np.int32)

    subject = lenet5()
    for evaluation in (False, True):
        subject = subject.with_arrays(keep, evaluation=evaluation)
    names = ("T-shirt", "boot")
    return dataclasses.replace(subject, dataset=dataclasses.replace(subject.dataset, class_names=names))


def _rare_classes():
    def thin(images, labels):
        keep = (labels != 1) | (np.random.default_rng(0).random(len(labels)) < 0.15)
        return images[keep], labels[keep]

    subject = bn_cnn()
    for evaluation in (False, True):
        subject = subject.with_arrays(thin, evaluation=evaluation)
    return subject


def _augmented(*transforms):
    subject = bn_cnn()
    evaluated = subject.recipe.augmentation.eval
    train = Augmentation(train=(*transforms, Normalize()), eval=evaluated)
    return subject.override({"augmentation": train, "budget.steps": 400})


# Settings that look odd, by name.
SETTINGS = {
    "inputs in z-scores": lambda: bn_cnn().override({"normalization": ChannelMeanStd()}),
    "inputs in [-1, 1]": lambda: bn_cnn().override({"normalization": SignedRange()}),
    "inputs in [0, 1]": lambda: plain().override({"normalization": UnitRange()}),
    "no batch norm": plain,
    "batches of 16": lambda: bn_cnn().override({"budget.batch_size": 16, "budget.steps": 600}),
    "batches of 256": lambda: residual().override({"budget.batch_size": 256, "budget.steps": 120}),
    "two classes": _two_classes,
    "rare classes": _rare_classes,
    "augmentation": lambda: _augmented(RandomRotation(10), RandomShift(0.1, 0.1)),
    "heavy augmentation": lambda: _augmented(RandomRotation(15), RandomShift(0.15, 0.15), RandomErasing()),
    "label smoothing": lambda: lenet5().override({"regularization": Regularization(label_smoothing=0.1)}),
    "mixup": lambda: bn_cnn().override({"augmentation.mixing": Mixup(0.2)}),
    "weight decay": lambda: residual().override({"regularization": Regularization(weight_decay=5e-4)}),
    "AdamW": lambda: bn_cnn().override({"optimizer": AdamW(), "regularization": Regularization(weight_decay=0.01)}),
    "average of weights": lambda: lenet5().override({"weight_average": WeightAverage(decay=0.95, ramp=True)}),
    "long warm-up from 0": lambda: lenet5().override({"schedule": Cosine(peak=0.05, warmup=0.3)}),
    "moderate rate": lambda: lenet5().override({"schedule": Cosine(peak=0.02, warmup=0.1)}),
    "rate above the best": lambda: lenet5().override({"schedule": Cosine(peak=0.1, warmup=0.1)}),
    "a network of one's own with tanh": lambda: dataclasses.replace(plain(), model=Plain(activation="tanh", layers=4)),
    "constant rate": lambda: residual().override({"schedule": ConstantRate(peak=0.05)}),
}


def cases() -> Iterator[Case]:
    """Yields every base and whole recipe with several seeds, and every setting; every second one is learned from.

    Of bases that are recipes cut short, there are fewer seeds.
    """
    for name, base in BASES.items():
        for seed in range(2 if name in RECIPES else SEEDS):
            yield Case(f"healthy {name}, seed {seed}", (), seed % 2 == 0, base, "healthy", seed)
    for name in RECIPES:
        for seed in range(RECIPE_SEEDS):
            make = functools.partial(Subject, load_recipe(name))
            yield Case(f"healthy recipe {name}, seed {seed}", (), False, make, "healthy recipe", seed)
    for place, (name, make) in enumerate(SETTINGS.items()):
        yield Case(f"healthy: {name}", (), place % 2 == 0, make, "healthy setting")
