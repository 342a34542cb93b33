"""Faults of labels, and of the order of examples."""

import dataclasses

import numpy as np

from verification.doctor.case import Fault
from zoo.doctor.adapters.recipe_program import RecipeProgram


def _noise(subject, fraction):
    def spoil(images, labels):
        random = np.random.default_rng(1)
        classes = labels.max() + 1
        wrong = random.random(len(labels)) < fraction
        return images, np.where(wrong, (labels + random.integers(1, classes, len(labels))) % classes, labels)

    return subject.with_arrays(spoil)


def _permuted(subject, split):
    def permute(images, labels):
        return images, np.random.default_rng(2).permutation(labels)

    subject = subject.with_arrays(permute)
    return subject.with_arrays(permute, evaluation=True) if split == "both" else subject


def _imbalance(subject, ratio):
    """Half of the classes have fewer examples, in both splits."""

    def thin(images, labels):
        rare = labels >= (labels.max() + 1) // 2
        keep = ~rare | (np.random.default_rng(3).random(len(labels)) < 1 / ratio)
        return images[keep], labels[keep]

    return subject.with_arrays(thin).with_arrays(thin, evaluation=True)


class Sorted(RecipeProgram):
    """Delivers training examples in the order of their labels."""

    def train_batches(self):
        split, size = self.experiment.train_pipeline.split, self.recipe.budget.batch_size
        order = np.argsort(split.labels, kind="stable")
        for start in range(0, len(order) - size + 1, size):
            batch = order[start : start + size]
            yield split.images[batch], split.labels[batch]

    def variant(self, **changes):
        rest = {name: value for name, value in changes.items() if name != "shuffle"}
        if "shuffle" in changes:  # the order is the only thing that this class changes
            return RecipeProgram.variant(self, **rest)
        return carried(self, rest)


class Shifted(RecipeProgram):
    """Delivers labels counted from 1, the last of which is out of range."""

    def train_batches(self):
        for images, labels in super().train_batches():
            yield images, labels + 1

    def examples(self, split, limit):
        images, labels, names = super().examples(split, limit)
        return images, labels + 1 if split == "train" else labels, names


def carried(program, changes):
    """Returns a variant of the same class, so that its fault stays."""
    other = RecipeProgram.variant(program, **changes)
    other.__class__ = type(program)
    return other


def _program(subject, kind):
    return dataclasses.replace(subject, program=kind)


FAULTS = (
    Fault("wrong labels", ("label_noise",), _noise, (0.3, 0.2, 0.4), ("lenet5", "bn_cnn", "residual")),
    Fault("labels permuted", ("labels_independent",), _permuted, ("both", "train"), ("lenet5", "mlp", "bn_cnn")),
    Fault("imbalance", ("class_imbalance",), _imbalance, (200, 100), ("lenet5", "bn_cnn")),
    Fault("sorted by label", ("unshuffled",), _program, (Sorted,), ("lenet5", "mlp", "bn_cnn")),
    Fault("labels from 1", ("label_encoding",), _program, (Shifted,), ("lenet5", "mlp")),
)
