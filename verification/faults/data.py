"""Mistakes in data: labels, classes, and what images look like in training and in evaluation."""

import dataclasses

import jax.numpy as jnp
import numpy as np

import zoo.data.sources
import zoo.data.sources.fashion_mnist
import zoo.training.prepare.data
import zoo.training.step.inputs
import zoo.training.step.step
from verification.faults.applies import fashion, images, lacks
from verification.faults.fault import fault
from verification.faults.patching import inputs_in_training, replaced, together
from zoo.data.splitting import all_labels, subset


def _colored(recipe):
    """Whether inputs have several channels: features, or images in colour."""
    return lacks(images)(recipe) or recipe.data.source != "fashion_mnist"


def opened(change):
    """Changes data sets as they are opened: `change(dataset) -> dataset`."""
    return replaced(
        zoo.data.sources,
        "open_source",
        lambda right: lambda *arguments, **options: change(right(*arguments, **options)),
    )


def chosen(split, places):
    """Returns the examples of a split at some places."""
    return dataclasses.replace(split, images=split.images[places], labels=split.labels[places], lines=None)


def _labels(change, both=False):
    """Changes the labels of the training split, or of both: `change(labels, classes) -> labels`."""

    def changed(dataset):
        classes = len(dataset.class_names)

        def of(split):
            return dataclasses.replace(split, labels=np.asarray(change(split.labels, classes), np.int32))

        return dataclasses.replace(dataset, train=of(dataset.train), **({"eval": of(dataset.eval)} if both else {}))

    return opened(changed)


def _files(change):
    """Changes the files of Fashion-MNIST as they are read: `change(name, values) -> values`, uint8 without shape."""
    return replaced(
        zoo.data.sources.fashion_mnist, "_read", lambda right: lambda folder, name: change(name, right(folder, name))
    )


@fault("The training labels are permuted.")
def shuffled_labels():
    return _labels(lambda labels, classes: labels[np.random.default_rng(0).permutation(len(labels))])


@fault("Labels are shifted by one class.", strengths=("training", "both"), matters="training")
def labels_shifted(where):
    return _labels(lambda labels, classes: (labels + 1) % classes, both=where == "both")


@fault("Classes are numbered in the reverse order in both splits.")
def classes_permuted():
    return _labels(lambda labels, classes: classes - 1 - labels, both=True)


@fault("A part of the training labels is random.", strengths=(0.2, 0.05, 0.02), matters=0.05)
def label_noise(fraction):
    def change(labels, classes):
        random = np.random.default_rng(0)
        return np.where(random.random(len(labels)) < fraction, random.integers(0, classes, len(labels)), labels)

    return _labels(change)


@fault(
    "A part of the labels of the evaluation split is shuffled.",
    strengths=(1.0, 0.05),
    matters=0.05,
    applies=fashion,
    bases=("lenet5", "bn_cnn"),
)
def evaluation_labels_shuffled(fraction):
    def change(name, values):
        if name != "t10k-labels-idx1-ubyte":
            return values
        random, changed = np.random.default_rng(0), values.copy()
        places = random.choice(len(values), round(fraction * len(values)), replace=False)
        changed[places] = values[random.permutation(places)]
        return changed

    return _files(change)


@fault("One class is missing from the training split.", applies=images)
def class_missing():
    def change(dataset):
        kept = np.flatnonzero(dataset.train.labels != len(dataset.class_names) - 1)
        return dataclasses.replace(dataset, train=chosen(dataset.train, kept))

    return opened(change)


@fault("The examples of the first class are twice in the training split.", bases=("mlp", "lenet5"))
def class_doubled():
    def make(right):
        def wrong(data, dataset):
            selected, validation = right(data, dataset)
            labels = all_labels(selected.train)
            places = np.sort(np.concatenate([np.arange(len(labels)), np.flatnonzero(labels == 0)]))
            return dataclasses.replace(selected, train=subset(selected.train, places)), validation

        return wrong

    return replaced(zoo.training.prepare.data, "select", make)


@fault("Channels or features are reversed (BGR for RGB).", applies=_colored, bases=("mlp", "resnet20_cifar10"))
def channels_reversed():
    def make(right):
        return lambda transforms, image, *others: right(transforms, image[..., ::-1], *others)

    return replaced(zoo.training.step.inputs.augment, "apply", make)


@fault("Channels or features are reversed in training only.", applies=_colored, bases=("mlp", "resnet20_cifar10"))
def channels_reversed_in_training():
    return inputs_in_training(lambda inputs: inputs[..., ::-1])


@fault("Images are rotated by 90 degrees, in training and evaluation.", applies=images)
def rotated():
    def make(right):
        def wrong(*arguments):
            inputs, labels = right(*arguments)
            return jnp.rot90(inputs, axes=(1, 2)), labels

        return wrong

    return _both(make)


@fault(
    "Images are transposed, rows for columns.",
    strengths=("both", "training"),
    matters="training",
    applies=fashion,
    bases=("lenet5", "bn_cnn"),
)
def images_transposed(where):
    def change(name, values):
        if "images" not in name or (where == "training" and not name.startswith("train")):
            return values
        return values.reshape(-1, 28, 28).swapaxes(1, 2).ravel()

    return _files(change)


@fault("The pixels of the evaluation split are inverted.", applies=fashion, bases=("lenet5", "bn_cnn"))
def evaluation_pixels_inverted():
    return _files(lambda name, values: 255 - values if name == "t10k-images-idx3-ubyte" else values)


@fault("Images get the labels of their neighbours in the batch.")
def labels_of_neighbours():
    def make(right):
        def wrong(*arguments):
            inputs, labels = right(*arguments)
            return inputs, jnp.roll(jnp.asarray(labels), 1)

        return wrong

    return replaced(zoo.training.step.inputs, "inputs_and_labels", make)


def _both(make):
    """Replaces `inputs_and_labels` in the training step and in the evaluation step."""
    return together(
        replaced(zoo.training.step.inputs, "inputs_and_labels", make),
        replaced(zoo.training.step.step, "inputs_and_labels", make),
    )
