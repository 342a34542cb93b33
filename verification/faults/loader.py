"""Mistakes in the loader: the order of examples, epochs, hosts."""

import functools
import sys

import numpy as np

import zoo.data.pipeline
from verification.faults.applies import several_epochs
from verification.faults.fault import fault
from verification.faults.patching import replaced
from zoo.data.pipeline import Order
from zoo.data.splitting import all_labels


class _Examples:
    """A sequence without end of the positions of examples, by a function of the place in the order."""

    def __init__(self, at):
        self.at = at

    def __len__(self):
        return sys.maxsize

    def __getitem__(self, place):
        return self.at(place)


def _ordered(change):
    """Changes the order of training.

    Args:
      change: `(examples, pipeline, batch_size, seed) -> at`, from the right sequence of examples to a function of the
        place.
    """

    def make(right):
        def wrong(pipeline, batch_size, seed, host=0, hosts=1):
            order = right(pipeline, batch_size, seed, host, hosts)
            return Order(_Examples(change(order.examples, pipeline, batch_size, seed)), batch_size, host, hosts)

        return wrong

    return replaced(zoo.data.pipeline, "training_order", make)


def _epoch(pipeline):
    return np.arange(len(pipeline.split)) if pipeline.examples is None else pipeline.examples


@fault("Training examples are not shuffled.")
def no_shuffling():
    def change(examples, pipeline, batch_size, seed):
        epoch = _epoch(pipeline)
        return lambda place: int(epoch[place % len(epoch)])

    return _ordered(change)


@fault("Every epoch has the same order.")
def same_order_each_epoch():
    return _ordered(lambda examples, pipeline, batch_size, seed: lambda place: examples[place % pipeline.epoch])


@fault("Every epoch after the second has the order of the second.")
def same_order_after_two_epochs():
    return _ordered(
        lambda examples, pipeline, batch_size, seed: (
            lambda place: examples[place if place < pipeline.epoch else pipeline.epoch + place % pipeline.epoch]
        )
    )


@fault(
    "The order of examples begins anew after some steps, within an epoch: the generator has a short cycle.",
    strengths=(10.0, 100.0),
    matters=100.0,
    bases=("lenet5", "bn_cnn"),
)
def order_cycle(steps):
    return _ordered(
        lambda examples, pipeline, batch_size, seed: lambda place: examples[place % (int(steps) * batch_size)]
    )


@fault(
    "Later epochs have the order of the first one, but start at another place of it.",
    applies=several_epochs,
    bases=("mlp",),
)
def epochs_rotated():
    def change(examples, pipeline, batch_size, seed):
        epoch = pipeline.epoch

        @functools.cache
        def start(number):
            return int(np.random.default_rng([seed, number]).integers(epoch)) if number else 0

        def at(place):
            number, inside = divmod(place, epoch)
            return examples[(inside + start(number)) % epoch]

        return at

    return _ordered(change)


@fault(
    "All examples are shuffled anew at half of an epoch: some are twice in it, and others never.",
    applies=several_epochs,
    bases=("mlp",),
)
def half_epochs():
    def change(examples, pipeline, batch_size, seed):
        half = max(pipeline.epoch // 2, 1)

        def at(place):
            number, inside = divmod(place, half)
            return examples[number * pipeline.epoch + inside]

        return at

    return _ordered(change)


@fault(
    "The last examples of each epoch are the first ones of the next order as well.",
    strengths=(32.0, 1.0),
    matters=32.0,
    applies=several_epochs,
    bases=("mlp",),
)
def epoch_boundary_repeated(count):
    return _ordered(
        lambda examples, pipeline, batch_size, seed: (
            lambda place: examples[place - int(count) * (place // pipeline.epoch)]
        )
    )


@fault("The order does not depend on the seed.")
def order_without_seed():
    def make(right):
        return lambda pipeline, batch_size, seed, host=0, hosts=1: right(pipeline, batch_size, 0, host, hosts)

    return replaced(zoo.data.pipeline, "training_order", make)


@fault(
    "The order of an epoch is that of the seed plus the epoch's number: runs with neighbouring seeds share orders.",
    applies=several_epochs,
    bases=("mlp",),
)
def order_of_next_seed():
    """The loader's shuffle gets the run's seed itself, and adds the number of the epoch to it."""

    def make(right):
        def wrong(pipeline, batch_size, seed, host=0, hosts=1):
            dataset = zoo.data.pipeline.grain.MapDataset
            some = pipeline.examples
            every_example = dataset.range(len(pipeline.split)) if some is None else dataset.source(some)
            return Order(every_example.shuffle(seed=int(seed)).repeat(), batch_size, host, hosts)

        return wrong

    return replaced(zoo.data.pipeline, "training_order", make)


@fault("Examples are drawn with replacement.")
def drawn_with_replacement():
    def change(examples, pipeline, batch_size, seed):
        epoch = _epoch(pipeline)
        return lambda place: int(epoch[np.random.default_rng(place).integers(len(epoch))])

    return _ordered(change)


@fault("Examples are shuffled within a buffer of 1,000 only.")
def small_shuffle_buffer():
    def change(examples, pipeline, batch_size, seed):
        epoch, buffer = _epoch(pipeline), 1000

        def at(place):
            block, inside = divmod(place % len(epoch), buffer)
            width = min(buffer, len(epoch) - block * buffer)
            return int(epoch[block * buffer + np.random.default_rng(block).permutation(width)[inside]])

        return at

    return _ordered(change)


@fault("Batches are shuffled, not examples: a batch is always of the same neighbours.", bases=("mlp", "lenet5"))
def batched_before_shuffling():
    def change(examples, pipeline, batch_size, seed):
        epoch = _epoch(pipeline)
        whole = len(epoch) // batch_size

        @functools.cache
        def blocks(number):
            return np.random.default_rng([seed, number]).permutation(whole)

        def at(place):
            number, inside = divmod(place, len(epoch))
            block, offset = divmod(inside, batch_size)
            return int(epoch[blocks(number)[block] * batch_size + offset if block < whole else inside])

        return at

    return _ordered(change)


@fault(
    "Examples of several batches are sorted by class: a batch has only some of the classes.",
    strengths=(10.0, 2.0),
    matters=2.0,
    bases=("mlp", "lenet5"),
)
def windows_sorted_by_class(batches):
    """Each epoch still has every example once: a table was shuffled, and read in blocks that are grouped by class."""

    def change(examples, pipeline, batch_size, seed):
        labels, width = all_labels(pipeline.split), int(batches) * batch_size

        @functools.lru_cache(8)
        def window(number):
            chosen = np.array([int(examples[place]) for place in range(number * width, (number + 1) * width)])
            return chosen[np.argsort(labels[chosen], kind="stable")]

        def at(place):
            number, inside = divmod(place, width)
            return int(window(number)[inside])

        return at

    return _ordered(change)


@fault("A part of the training split is never used.", strengths=(0.9, 0.1), matters=0.9)
def examples_left_out(fraction):
    def change(examples, pipeline, batch_size, seed):
        least = round(fraction * pipeline.epoch)

        def at(place):
            example = int(examples[place])
            return example if example >= least else least + example % (pipeline.epoch - least)

        return at

    return _ordered(change)


@fault("The second half of each batch repeats the first: every host reads the first host's examples.")
def first_half_twice():
    def change(examples, pipeline, batch_size, seed):
        def at(place):
            start = place // batch_size * batch_size
            return int(examples[start + (place - start) % (batch_size // 2)])

        return at

    return _ordered(change)


@fault("With several hosts, every host reads the first host's examples.")
def hosts_read_the_same():
    def make(right):
        return lambda pipeline, batch_size, seed, host=0, hosts=1: right(pipeline, batch_size, seed, 0, hosts)

    return replaced(zoo.data.pipeline, "training_order", make)
