"""A program over arrays, with a linear network trained in NumPy, whose data has a fault or a healthy peculiarity."""

import numpy as np

from zoo.doctor.measurements import (
    augmented,
    channels,
    duplicates,
    inputs,
    label_noise,
    labels,
    order,
    pairing,
    preparation,
)
from zoo.doctor.program import can, class_of
from zoo.doctor.rules import augmentation as augmentation_rules
from zoo.doctor.rules import data as data_rules
from zoo.doctor.rules import inputs as inputs_rules
from zoo.doctor.rules import labels as labels_rules
from zoo.doctor.session import Session

MEASUREMENTS = (augmented, channels, duplicates, inputs, label_noise, labels, order, pairing, preparation)
RULES = (*inputs_rules.RULES, *data_rules.RULES, *labels_rules.RULES, *augmentation_rules.RULES)

MEAN, STD = 73.0, 90.0  # of Fashion-MNIST's pixels


class ArrayProgram:
    """Softmax regression on arrays.

    Args:
      train, evaluation: (images, labels).
      classes: number of classes; None if the program does not know it.
      prepare: (images, train, random generator) -> inputs of the network; None for images as they are.
      shuffle: whether each epoch has a new random order.
      batch: size of the batches.
      delivers_inputs: whether the loaders deliver what the network receives, and nothing else is told.
    """

    name = "arrays"

    def __init__(
        self, train, evaluation, classes=None, *, prepare=None, shuffle=True, batch=64, delivers_inputs=False, **told
    ):
        self.splits = {"train": train, "eval": evaluation}
        self.classes, self.shuffle, self.batch = classes, shuffle, batch
        self._prepare = prepare or (lambda images, train, random: np.asarray(images, np.float32))
        self._delivers, self._epochs = delivers_inputs, 0
        if not delivers_inputs:
            self.inputs, self.examples = self._inputs, self._examples
        for name, value in told.items():
            setattr(self, name, value)

    def init(self, seed):
        return None

    def step(self, state, images, labels):
        seen, classes = self._flat(images, train=True), class_of(labels).astype(int)
        width = max(self.classes or 0, int(classes.max()) + 1)
        weights = np.zeros((seen.shape[1], width)) if state is None else state
        outputs = seen @ weights
        likely = np.exp(outputs - outputs.max(1, keepdims=True))
        likely /= likely.sum(1, keepdims=True)
        loss = -np.log(likely[np.arange(len(classes)), classes]).mean()
        gradient = seen.T @ (likely - np.eye(width)[classes]) / len(classes)
        return weights - 0.1 * gradient, float(loss)

    def predict(self, state, images):
        seen = self._flat(images, train=False)
        return np.zeros((len(seen), self.classes or 2)) if state is None else seen @ state

    def train_batches(self):
        images, targets = self.splits["train"]
        self._epochs += self.shuffle
        random = np.random.default_rng(self._epochs)
        places = random.permutation(len(images)) if self.shuffle else np.arange(len(images))
        yield from self._batches(images, targets, places, True, random)

    def eval_batches(self):
        images, targets = self.splits["eval"]
        random = np.random.default_rng(self._epochs)
        self._epochs += 1
        yield from self._batches(images, targets, np.arange(len(images)), False, random)

    def _batches(self, images, targets, places, train, random):
        for start in range(0, len(places), self.batch):
            some = places[start : start + self.batch]
            given = self._prepare(images[some], train, random) if self._delivers else images[some]
            yield given, targets[some]

    def _inputs(self, images, *, train, seed):
        return self._prepare(images, train, np.random.default_rng(seed))

    def _examples(self, split, limit):
        images, targets = self.splits[split]
        places = np.random.default_rng(0).permutation(len(images))[:limit]
        return images[places], targets[places], [f"{split}/{place}.png" for place in places]

    def _flat(self, images, train):
        seen = images if self._delivers else self._prepare(images, train, np.random.default_rng(0))
        return np.asarray(seen, np.float64).reshape(len(seen), -1)


def evidence_of(program):
    """Returns the values of the measurements of data, by name."""
    session = Session(program)
    found = {}
    for module in MEASUREMENTS:
        measurement = module.MEASUREMENT
        if all(can(program, need) for need in measurement.needs):
            found[measurement.name] = measurement.run(session)
    return found


def suspicions_of(program):
    """Returns what the rules of data suspect, the strongest of each cause, by cause."""
    evidence = evidence_of(program)
    found = {}
    for rule in RULES:
        for suspicion in rule(evidence):
            rank = (suspicion.exact, suspicion.score)
            if suspicion.cause not in found or rank > (found[suspicion.cause].exact, found[suspicion.cause].score):
                found[suspicion.cause] = suspicion
    return found


def scaled(images, train=None, random=None):
    return (np.asarray(images, np.float32) - MEAN) / STD


def unit(images, train=None, random=None):
    return np.asarray(images, np.float32) / 255


def signed(images, train=None, random=None):
    return np.asarray(images, np.float32) / 127.5 - 1


def shifted(images, random, pixels):
    """Crops of images with zeros around them, at random places, mirrored by chance."""
    padded = np.pad(images, [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)])
    found = []
    for image in padded:
        row, column = random.integers(0, 2 * pixels + 1, 2)
        part = image[row : row + images.shape[1], column : column + images.shape[2]]
        found.append(part[:, ::-1] if random.random() < 0.5 else part)
    return np.stack(found)


def augmented(images, train, random, pixels=4, brightness=0.3, normalize=scaled):
    if train:
        images = shifted(images, random, pixels)
        factors = random.uniform(1 - brightness, 1 + brightness, (len(images), 1, 1, 1))
        images = np.clip(images * factors, 0, 255)
    return normalize(images)
