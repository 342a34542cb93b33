"""Mistakes in splits: examples that are in two of them, and how the validation split is held out."""

import dataclasses
import itertools

import numpy as np

import zoo.data.selection
import zoo.training.prepare.data
from verification.faults.applies import images, validated
from verification.faults.data import chosen, opened
from verification.faults.fault import fault
from verification.faults.patching import replaced


@fault("The evaluation examples are training examples.")
def evaluated_on_training_images():
    return opened(
        lambda dataset: dataclasses.replace(dataset, eval=chosen(dataset.train, np.arange(len(dataset.eval))))
    )


@fault("A part of the evaluation examples are training examples.", strengths=(0.5, 0.1, 0.02), matters=0.1)
def split_overlap(fraction):
    return opened(lambda dataset: _overlapping(dataset, fraction, lambda examples: examples))


@fault(
    "A part of the evaluation examples are training examples with one value changed, as after another compression.",
    strengths=(1.0, 0.1),
    matters=0.1,
)
def near_copies(fraction):
    def one_value(examples):
        examples[:, 0, 0, 0] += np.asarray(1, examples.dtype)
        return examples

    return opened(lambda dataset: _overlapping(dataset, fraction, one_value))


@fault(
    "Images were augmented before they were divided: a tenth of evaluation's are training images, mirrored or lighter.",
    strengths=("mirrored", "lighter"),
    applies=images,
)
def divided_after_augmentation(kind):
    def augmented(examples):
        return examples[:, :, ::-1] if kind == "mirrored" else np.minimum(examples, 235) + np.uint8(20)

    return opened(lambda dataset: _overlapping(dataset, 0.1, augmented))


def _overlapping(dataset, fraction, change):
    """Replaces a part of the evaluation examples by changed training examples."""
    count = round(fraction * len(dataset.eval))
    examples = change(dataset.train.images[:count].copy())
    parts = [examples, dataset.eval.images[count:]], [dataset.train.labels[:count], dataset.eval.labels[count:]]
    values, labels = (np.concatenate(part) for part in parts)
    return dataclasses.replace(dataset, eval=dataclasses.replace(dataset.eval, images=values, labels=labels))


@fault("Training uses the evaluation split as well.")
def trained_on_evaluation_split():
    def change(dataset):
        train = dataclasses.replace(
            dataset.train,
            images=np.concatenate([dataset.eval.images, dataset.train.images]),
            labels=np.concatenate([dataset.eval.labels, dataset.train.labels]),
            lines=None,
        )
        return dataclasses.replace(dataset, train=train)

    return opened(change)


@fault("The validation split is not held out of the training split.", applies=validated)
def validation_not_held_out():
    def make(right):
        def wrong(data, dataset):
            _, validation = right(data, dataset)
            selected, _ = right(dataclasses.replace(data, validation=0.0), dataset)
            return selected, validation

        return wrong

    return replaced(zoo.training.prepare.data, "select", make)


@fault(
    "The validation split has another size: it is exchanged with the rest, or twice as large.",
    strengths=("exchanged", "doubled"),
    matters="doubled",
    applies=validated,
    bases=("bn_cnn", "verification.faults.bases.weighted"),
)
def validation_split_size(kind):
    def make(right):
        def wrong(labels, fraction):
            if kind == "doubled":
                return right(labels, min(2 * fraction, 0.9))
            kept, held_out = right(labels, fraction)
            return held_out, kept

        return wrong

    return replaced(zoo.data.selection, "hold_out", make)


@fault(
    "The validation split is drawn anew whenever data are prepared: a resumed run validates on examples it has seen.",
    applies=validated,
    bases=("bn_cnn", "verification.faults.bases.weighted"),
)
def validation_split_varies():
    """Each is stratified and of the right size."""

    def make(right):
        seeds = itertools.count(1)

        def wrong(labels, fraction):
            order = np.random.default_rng(next(seeds)).permutation(len(labels))
            return tuple(np.sort(order[part]) for part in right(labels[order], fraction))

        return wrong

    return replaced(zoo.data.selection, "hold_out", make)
