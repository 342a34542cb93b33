"""Programs over arrays whose data is healthy, or has a fault, by cause and strength."""

import functools

import numpy as np
from array_program import MEAN, STD, ArrayProgram, augmented, scaled, signed, unit

import zoo


@functools.cache
def fashion(train=800, evaluation=320):
    data = zoo.open_source("fashion_mnist")
    return (
        (data.train.images[:train], np.asarray(data.train.labels[:train])),
        (data.eval.images[:evaluation], np.asarray(data.eval.labels[:evaluation])),
    )


@functools.cache
def colored(train=600, evaluation=600):
    """Images with a coloured shape on a background; the class is the shape's size, and red is brighter than blue."""
    random = np.random.default_rng(0)
    splits = []
    for count in (train, evaluation):
        labels = random.integers(0, 4, count)
        tints = np.array([150, 110, 70]) + random.normal(0, 25, (count, 1, 1, 3))
        distance = np.hypot(*(np.mgrid[:16, :16] - 7.5)) + random.normal(0, 0.4, (count, 1, 1))
        inside = (distance < 2 + 1.5 * labels[:, None, None])[..., None]
        noise = random.normal(0, 12, (count, 16, 16, 3))
        images = np.clip(np.where(inside, tints, tints / 3) + noise, 0, 255).astype(np.uint8)
        splits.append((images, labels))
    return tuple(splits)


def table(count=1_000, seed=0):
    """Features whose class depends on their distance from the origin."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    return random.standard_normal((count, 10)).astype(np.float32) * (1 + labels[:, None]), labels


def split(images, labels, part=0.75):
    stop = int(part * len(images))
    return (images[:stop], labels[:stop]), (images[stop:], labels[stop:])


def program(data=None, **options):
    train, evaluation = data or fashion()
    return ArrayProgram(train, evaluation, **{"classes": 10, "prepare": scaled} | options)


def noisy(labels, share, classes=10, seed=0):
    random = np.random.default_rng(seed)
    chosen = random.random(len(labels)) < share
    others = (labels + random.integers(1, classes, len(labels))) % classes
    return np.where(chosen, others, labels)


HEALTHY = {
    "standardized": lambda: program(),
    "from 0 to 1": lambda: program(prepare=unit),
    "from -1 to 1": lambda: program(prepare=signed),
    "no augmentation, delivered inputs": lambda: program(delivers_inputs=True),
    "classes unknown": lambda: program(classes=None),
    "crops, flips and brightness": lambda: program(prepare=augmented, random_transforms=True),
    "augmented by the loader": lambda: program(prepare=augmented, delivers_inputs=True),
    "heavy augmentation": lambda: program(
        prepare=functools.partial(augmented, pixels=6, brightness=0.6), random_transforms=True
    ),
    "one-hot labels": lambda: program(tuple((images, np.eye(10)[labels]) for images, labels in fashion())),
    "colour": lambda: program(colored(), classes=4, prepare=unit),
    "colour, channels first": lambda: program(
        tuple((np.moveaxis(unit(images), -1, 1), labels) for images, labels in colored()),
        classes=4,
        prepare=lambda images, train, random: images,
        delivers_inputs=True,
    ),
    "two classes": lambda: program(split(*table()), classes=2, prepare=None),
    "features as images": lambda: program(split(table()[0][:, None, None], table()[1]), classes=2, prepare=None),
    "small": lambda: program(split(*table(200)), classes=2, prepare=None),
    "imbalanced": lambda: program(imbalanced(), classes=2, prepare=None),
    "evaluation by class": lambda: program(by_class(), delivers_inputs=True),
    "a hundred classes": lambda: program(hundred(), classes=100, prepare=None),
}


def imbalanced():
    random = np.random.default_rng(0)
    labels = (random.random(2_000) < 0.03).astype(int)
    return split(random.standard_normal((2_000, 8)).astype(np.float32) + 1.5 * labels[:, None], labels)


def by_class():
    train, (images, labels) = fashion()
    order = np.argsort(labels, kind="stable")
    return train, (images[order], labels[order])


def hundred():
    random = np.random.default_rng(0)
    centers = 1.5 * random.standard_normal((100, 20))
    labels = random.integers(0, 100, 2_400)
    return split((centers[labels] + random.standard_normal((2_400, 20))).astype(np.float32) / 2, labels)


def permuted(share, both=True):
    (images, labels), (eval_images, eval_labels) = fashion()
    random = np.random.default_rng(0)
    mixed = labels.copy()
    chosen = np.flatnonzero(random.random(len(labels)) < share)
    mixed[chosen] = random.permutation(labels[chosen])
    return (images, mixed if both else labels), (eval_images, random.permutation(eval_labels))


def changed(train_labels=None, eval_labels=None):
    """Returns the data with labels changed by functions."""
    splits = zip(fashion(), (train_labels, eval_labels), strict=True)
    return tuple((images, change(labels) if change else labels) for (images, labels), change in splits)


def overlapping(share):
    train, (images, labels) = fashion()
    count = int(share * len(images))
    return train, (
        np.concatenate([train[0][:count], images[count:]]),
        np.concatenate([train[1][:count], labels[count:]]),
    )


def near_copies(share):
    train, (images, labels) = fashion()
    count = int(share * len(images))
    random = np.random.default_rng(0)
    copies = np.clip(train[0][:count] * 0.9 + random.normal(0, 3, train[0][:count].shape), 0, 255).astype(np.uint8)
    return train, (np.concatenate([copies, images[count:]]), np.concatenate([train[1][:count], labels[count:]]))


def blank(share):
    (images, labels), evaluation = fashion()
    images = images.copy()
    images[: int(share * len(images))] = 128
    return (images, labels), evaluation


def without(classes):
    train, (images, labels) = fashion()
    kept = ~np.isin(labels, classes)
    return train, (images[kept], labels[kept])


def sorted_by_label(rows):
    """Training examples sorted by class within blocks of so many rows."""
    (images, labels), evaluation = fashion()
    places = np.arange(len(labels))
    order = np.concatenate(
        [part[np.argsort(labels[part], kind="stable")] for part in np.split(places, range(rows, len(places), rows))]
    )
    return (images[order], labels[order]), evaluation


def reversed_channels(data, when):
    (images, labels), (eval_images, eval_labels) = data
    return (images[..., ::-1] if when == "train" else images, labels), (
        eval_images[..., ::-1] if when == "eval" else eval_images,
        eval_labels,
    )


def few(count):
    images, labels = table(count + 40)
    return split(images, labels, count / (count + 40))


def not_finite(count):
    (images, labels), evaluation = split(*table())
    images = images.copy()
    images[:count, 3] = np.nan
    return (images, labels), evaluation


def marked(share):
    images, labels = table()
    images[np.random.default_rng(1).random(images.shape) < share] = 999
    return split(images, labels)


def scales(factor):
    images, labels = table()
    return split(images * np.geomspace(1, factor, images.shape[1], dtype=np.float32), labels)


def only_eval(change):
    return lambda images, train, random: scaled(images) if train else change(images)


def fixed(images, train, random):
    return augmented(images, train, np.random.default_rng(0))


def always_augmented(images, train, random, pixels=4):
    return augmented(images, True, random, pixels)


FAULTS = {
    ("inputs_unscaled", "0 to 255"): lambda: program(prepare=None),
    ("inputs_unscaled", "0 to 64"): lambda: program(prepare=lambda images, train, random: images / np.float32(4)),
    ("inputs_unscaled", "features by 1e5"): lambda: program(scales(1e5), classes=2, prepare=None),
    ("inputs_unscaled", "features by 1e3"): lambda: program(scales(1e3), classes=2, prepare=None),
    ("inputs_scaled_twice", "by 255"): lambda: program(prepare=lambda images, train, random: unit(unit(images))),
    ("inputs_scaled_twice", "by 30"): lambda: program(prepare=lambda images, train, random: unit(images) / 30),
    ("wrong_statistics", "other units"): lambda: program(
        prepare=lambda images, train, random: (np.float32(images) / 255 - MEAN) / STD
    ),
    ("wrong_statistics", "other mean"): lambda: program(
        prepare=lambda images, train, random: (np.float32(images) - 220) / STD
    ),
    ("channel_order", "evaluation, delivered"): lambda: program(
        reversed_channels(colored(), "eval"), classes=4, prepare=unit
    ),
    ("channel_order", "training, delivered"): lambda: program(
        reversed_channels(colored(), "train"), classes=4, prepare=unit, delivers_inputs=True
    ),
    ("channel_order", "by preparation"): lambda: program(
        colored(), classes=4, prepare=lambda images, train, random: unit(images if train else images[..., ::-1])
    ),
    ("bad_values", "one"): lambda: program(not_finite(1), classes=2, prepare=None),
    ("bad_values", "many"): lambda: program(not_finite(200), classes=2, prepare=None),
    ("bad_values", "marks"): lambda: program(marked(0.01), classes=2, prepare=None),
    ("low_quality", "2 %"): lambda: program(blank(0.02)),
    ("low_quality", "20 %"): lambda: program(blank(0.2)),
    ("label_encoding", "from 1"): lambda: program(changed(lambda labels: labels + 1, lambda labels: labels + 1)),
    ("label_encoding", "fractions"): lambda: program(changed(lambda labels: labels / 10, lambda labels: labels / 10)),
    ("label_encoding", "zero rows"): lambda: program(
        changed(lambda labels: np.eye(10)[labels] * (labels > 0)[:, None])
    ),
    ("label_encoding", "other numbers in evaluation"): lambda: program(changed(None, lambda labels: (labels + 1) % 10)),
    ("labels_independent", "permuted"): lambda: program(permuted(1.0)),
    ("labels_independent", "random"): lambda: program(
        split(np.random.RandomState(42).rand(1000, 20), np.random.RandomState(1).randint(0, 2, 1000), 0.8),
        classes=2,
        prepare=None,
    ),
    ("labels_independent", "permuted in evaluation"): lambda: program(permuted(0.0)),
    ("label_noise", "15 %"): lambda: program(changed(functools.partial(noisy, share=0.15))),
    ("label_noise", "40 %"): lambda: program(changed(functools.partial(noisy, share=0.4))),
    ("leakage", "1 %"): lambda: program(overlapping(0.01)),
    ("leakage", "all"): lambda: program(overlapping(1.0)),
    ("leakage", "altered copies"): lambda: program(near_copies(0.3)),
    ("bad_split", "no class 9"): lambda: program(without([9])),
    ("bad_split", "classes 0 to 2"): lambda: program(without(range(3, 10))),
    ("unshuffled", "by class"): lambda: program(sorted_by_label(5_000), shuffle=False),
    ("unshuffled", "by class in blocks"): lambda: program(sorted_by_label(150), shuffle=False),
    ("unshuffled", "same order"): lambda: program(shuffle=False),
    ("too_little_data", "5"): lambda: program(few(5), classes=2, prepare=None),
    ("too_little_data", "20"): lambda: program(few(20), classes=2, prepare=None),
    ("augmentation_key_reused", "always"): lambda: program(prepare=fixed, random_transforms=True),
    ("augmentation_on_evaluation", "by inputs"): lambda: program(prepare=always_augmented),
    ("augmentation_on_evaluation", "by the loader"): lambda: program(prepare=always_augmented, delivers_inputs=True),
    ("augmentation_too_strong", "noise"): lambda: program(
        prepare=lambda images, train, random: scaled(random.integers(0, 256, images.shape) if train else images),
        random_transforms=True,
    ),
    ("augmentation_range", "scaled before"): lambda: program(
        prepare=lambda images, train, random: augmented(unit(images), True, random) if train else scaled(images),
        random_transforms=True,
    ),
    ("evaluation_preprocessing", "0 to 255"): lambda: program(prepare=only_eval(np.float32)),
    ("evaluation_preprocessing", "0 to 1"): lambda: program(prepare=only_eval(unit)),
    ("evaluation_preprocessing", "0 to 255, delivered"): lambda: program(
        prepare=only_eval(np.float32), delivers_inputs=True
    ),
    ("evaluation_preprocessing", "upside down"): lambda: program(
        prepare=lambda images, train, random: augmented(images if train else images[:, ::-1], train, random)
    ),
}
