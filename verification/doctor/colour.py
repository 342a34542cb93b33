"""Cases on colour images, which the project does not carry: a base, faults in it, and its healthy seeds."""

import dataclasses
import functools
from collections.abc import Iterator

import flax.linen as nn
import jax
import numpy as np

from verification.doctor.case import Case, Fault, Subject
from verification.doctor.faults import faults
from zoo.catalog import load_recipe
from zoo.data.dataset import Dataset
from zoo.data.decoding import decode
from zoo.data.sources import open_source
from zoo.data.split import ArraySplit
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.errors import ZooError
from zoo.recipe import Augmentation, ChannelMeanStd, ConstantRate, HorizontalFlip, Initialization, Normalize

TRAIN, EVAL = 8_000, 1_500  # images
SEEDS = 5
GROUP = "colour images"  # of the faults
# Faults of other bases, at their first strength.
FAULTS = {
    *("raw pixels", "rate too high", "rate too low", "schedule decays at once", "wrong labels", "labels permuted"),
    *("softmax before the loss", "sign of the loss", "large weights", "small weights", "weight decay", "leakage"),
    *("evaluation not scaled", "classes missing in training", "blank images", "sorted by label", "few examples"),
}


class Convolutions(nn.Module):
    """Three convolutions of 16, 32 and 64 channels, each with batch normalization and ReLU, and two max pools."""

    num_classes: int = 10
    dtype: type = np.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        x = images
        for place, channels in enumerate((16, 32, 64), 1):
            stride = 2 if place == 1 else 1
            x = nn.Conv(channels, (3, 3), (stride, stride), use_bias=False, name=f"conv{place}")(x)
            x = nn.relu(nn.BatchNorm(not train, momentum=0.9, name=f"bn{place}")(x))
            x = nn.max_pool(x, (2, 2), (2, 2)) if place > 1 else x
        return nn.Dense(self.num_classes, name="fc")(x.reshape(len(x), -1))


class EvaluatedInOtherOrder(RecipeProgram):
    """Evaluates images whose channels are in the opposite order of training's."""

    def inputs(self, images, *, train, seed):
        return super().inputs(images if train else images[..., ::-1], train=train, seed=seed)


@functools.cache
def _part(source: str) -> Dataset:
    """Returns a part of the images of a source in memory, the same number of each class.

    Raises:
      ZooError: the source cannot be opened, or its images are of several sizes.
    """
    data = open_source(source)

    def read(split, count, name):
        labels = np.asarray(split.labels)
        each = count // len(data.class_names)
        chosen = np.concatenate([np.flatnonzero(labels == label)[:each] for label in range(len(data.class_names))])
        chosen = np.random.default_rng(0).permutation(chosen)
        images = [decode(split.read(int(index))[0], 3) for index in chosen]
        if len({image.shape for image in images}) > 1:
            raise ZooError(f"{source}: images of several sizes; expected one, as in CIFAR-10")
        return ArraySplit(np.stack(images), labels[chosen].astype(np.int32), name=name)

    return Dataset("colour", read(data.train, TRAIN, "train"), read(data.eval, EVAL, "eval"), data.class_names, 3)


def base(source: str) -> Subject:
    """A small convolutional network of one's own on colour images, with augmentation, and Adam."""
    changes = {
        "budget.steps": 250,
        "data.validation": 0.0,
        "target": None,
        "budget.interim_examples": None,
        "normalization": ChannelMeanStd(),
        "augmentation": Augmentation(train=(HorizontalFlip(), Normalize()), eval=(Normalize(),)),
        "schedule": ConstantRate(peak=0.001),
        "initialization": Initialization(),
    }
    data = _part(source)
    return Subject(load_recipe("bn_cnn").override(changes), Convolutions(len(data.class_names)), data)


def _other_order(subject, strength):
    return dataclasses.replace(subject, program=EvaluatedInOtherOrder)


def cases(source: str) -> Iterator[Case]:
    """Yields healthy seeds and faults, which are only scored."""
    make = functools.partial(base, source)
    for seed in range(SEEDS):
        yield Case(f"healthy colour, seed {seed}", (), False, make, "healthy", seed)
    swapped = Fault("channels of evaluation in another order", ("channel_order",), _other_order)
    for fault in (*faults(), swapped):
        if fault.name in FAULTS or fault is swapped:

            def make_faulty(fault=fault):
                return fault.apply(make(), fault.strengths[0])

            yield Case(f"{fault.name} in colour", fault.causes, False, make_faulty, GROUP)
