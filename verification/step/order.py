"""Checks of the order of training examples: a new permutation in each epoch, divided between hosts."""

import contextlib
import dataclasses
import itertools
import math

import numpy as np

from verification.check import Check, Group
from zoo.data import pipeline as pipelines
from zoo.data.resize_crop import is_random
from zoo.training.experiment import Experiment

MAX_POSITIONS = 6_000  # at the beginning of an epoch, that are looked at
BLOCKS, BLOCK = 5, 600  # positions of the first epoch further on: an order that repeats itself within it shows there
MAX_READ = 256  # images of a batch that are read, if not all of them
SEEDS, EPOCHS = (0, 1), (0, 1, 5)
HOSTS = 2
# Two random permutations agree in one place on average, and have one pair of neighbours in common, Poisson distributed:
# more than this many with probability 1e-10.
MAX_AGREEING = 14
# Of an order with that of the data set, in standard deviations of random ones. Two epochs of one seed are no measure:
# those of Grain's pseudo-random permutations have correlations of up to 0.2.
MAX_CORRELATION = 7


def check_order(group: Group, experiment: Experiment, *, thorough: bool = True) -> Check:
    """Checks that epochs and seeds have different permutations of the examples, and that hosts share each batch.

    Args:
      group: of the check.
      experiment: of the recipe.
      thorough: whether to read the images of a whole batch, however large.
    """
    pipeline, size = experiment.train_pipeline, experiment.recipe.budget.batch_size
    epoch, problems = pipeline.epoch, []
    looked = min(epoch, MAX_POSITIONS)
    orders = {}
    for seed in SEEDS:
        for number in EPOCHS:
            orders[f"epoch {number + 1} of seed {seed}"] = _positions(pipeline, size, seed, number * epoch, looked)
    natural = np.arange(looked) if pipeline.examples is None else pipeline.examples[:looked]
    everything = {**orders, "the order of the data set": natural}
    names = list(everything)
    for place, name in enumerate(names):
        for other in names[:place]:
            most = MAX_AGREEING + (0 if pipeline.examples is None else looked // 2)
            agreeing = int((everything[name] == everything[other]).sum())
            if agreeing > most:
                problems.append(f"{name} and {other} agree in {agreeing:,} of {looked:,} places")
            common = len(_neighbours(everything[name]) & _neighbours(everything[other]))
            if common > most:
                problems.append(f"{name} and {other} have {common:,} of {looked:,} pairs of neighbours in common")
    for name, order in orders.items():
        correlation = float(np.corrcoef(order, natural)[0, 1])
        if abs(correlation) > MAX_CORRELATION / math.sqrt(looked) and pipeline.examples is None:
            problems.append(f"{name} has a correlation of {correlation:.2f} with the order of the data set")
        if pipeline.examples is None and len(np.unique(order)) < looked:
            problems.append(f"{name} has {looked - len(np.unique(order)):,} of {looked:,} examples twice")
        if looked == epoch and not np.array_equal(np.sort(order), np.sort(_all(pipeline))):
            problems.append(f"{name} is not a permutation of the examples")
    if pipeline.examples is None and epoch - looked > BLOCKS * BLOCK:
        starts = np.linspace(looked, epoch - BLOCK, BLOCKS).astype(int)
        later = [_positions(pipeline, size, SEEDS[0], int(start), BLOCK) for start in starts]
        whole = np.concatenate([next(iter(orders.values())), *later])
        if twice := len(whole) - len(np.unique(whole)):
            problems.append(
                f"the first epoch has {twice:,} of {len(whole):,} examples twice, looked at in {BLOCKS + 1} parts"
            )
    problems += _of_hosts(experiment, thorough)
    detail = (
        f"epochs and seeds have different permutations, in {looked:,} of {epoch:,} places; {HOSTS} hosts divide each"
        " batch; false alarm in less than 1 of 10^9 runs"
    )
    return group.check("order", not problems, "; ".join(problems[:2]) or detail)


def _neighbours(order):
    """Returns the pairs of an example and the next one."""
    return {*zip(order[:-1].tolist(), order[1:].tolist(), strict=True)}


def _positions(pipeline, size, seed, start, count):
    """Returns the positions in the split of some consecutive training examples, as they are delivered."""
    first, last = start // size, math.ceil((start + count) / size)
    positions = np.concatenate([batch.index for batch in _batches(pipeline, size, seed, first, last - first)])
    return positions[start - first * size :][:count]


def _batches(pipeline, size, seed, first, count, host=0, hosts=1):
    """Returns consecutive training batches; without images if these would have to be decoded."""
    if not pipeline.resident:
        order = pipelines.training_order(pipeline, size, seed, host, hosts)
        return [order[step][1] for step in range(first, first + count)]
    batches = pipelines.training_batches(pipeline, size, seed=seed, first_step=first, host=host, hosts=hosts)
    with contextlib.closing(batches):
        return list(itertools.islice(batches, count))


def _all(pipeline):
    return np.arange(len(pipeline.split)) if pipeline.examples is None else pipeline.examples


def _of_hosts(experiment, thorough):
    """Returns problems of batches that several hosts share, and of what training really reads."""
    pipeline, size, problems = experiment.train_pipeline, experiment.recipe.budget.batch_size, []
    batch = _batches(pipeline, size, SEEDS[0], 0, 1)[0]
    # Of a large batch whose images have to be read, the part that the first of several hosts reads.
    hosts = 1 if thorough or pipeline.resident else -(-size // MAX_READ)
    with contextlib.closing(pipelines.training_batches(pipeline, size, seed=SEEDS[0], hosts=hosts)) as batches:
        read = next(batches)
    if not np.array_equal(read.index, batch.index[: len(read.index)]):
        problems.append("the first batch is not that of the order")
    expected = len(np.array_split(np.arange(size), hosts)[0])
    if len(read.index) != expected or not np.array_equal(read.position, np.arange(expected)):
        problems.append(f"the first batch has {len(read.index)} examples, expected {expected}")
    if size % HOSTS == 0:
        parts = [_batches(pipeline, size, SEEDS[0], 0, 1, host, HOSTS)[0] for host in range(HOSTS)]
        for field in ("index", "position"):
            whole = np.concatenate([getattr(part, field) for part in parts])
            if not np.array_equal(whole, getattr(batch, field)):
                problems.append(f"the parts of {HOSTS} hosts are not the batch of one host")
                break
    return problems


def check_host_crops(group: Group, experiment: Experiment) -> Check | None:
    """Checks that random crops on the host differ between examples, steps and epochs, and repeat with the seed.

    Returns None if the host crops nothing at random.
    """
    pipeline = experiment.train_pipeline
    if not is_random(pipeline.host_transforms):
        return None
    same = dataclasses.replace(pipeline, examples=np.zeros(8, np.int64))  # one example over and over

    def images(seed):
        batches = pipelines.training_batches(same, 4, seed=seed)
        found = [np.asarray(next(batches).image) for _ in range(4)]
        batches.close()
        return np.concatenate(found)

    first = images(0)
    different = len({image.tobytes() for image in first})
    repeated, other = np.array_equal(first, images(0)), not np.array_equal(first, images(1))
    detail = (
        f"16 crops of one image, in four steps and two epochs, are {different} different ones; the same seed gives"
        f" {'the same' if repeated else 'others'}, another seed {'others' if other else 'the same'}"
    )
    return group.check("crops", different > 8 and repeated and other, detail)
