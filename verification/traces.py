"""Does a run do step by step what its recipe says: learning rate, weight decay, update rule, images?"""

import fnmatch
import functools
import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from verification.statistics import share_is_plausible
from zoo.data.loader import Batch, evaluation_batches
from zoo.recipe import (
    SGD,
    ChannelMeanStd,
    ConstantRate,
    Cosine,
    HorizontalFlip,
    MultiStep,
    PixelMean,
    Polynomial,
    SignedRange,
    UnitRange,
)
from zoo.recipe.augmentation import Normalization
from zoo.recipe.optimization import Optimizer, Schedule
from zoo.training.experiment import Experiment
from zoo.training.step import Constants, inputs_and_labels

ALPHA = 1e-3  # probability that a check of something random fails though all is well
IMAGES = 256


def check_traces(recipe_name: str, experiment: Experiment) -> Iterator[Check]:
    """Checks learning rate, decay mask and update rule against closed forms, and the images that the network is fed."""
    group = Group(recipe_name, "traces")
    yield check_learning_rate(group, experiment)
    yield check_decay(group, experiment)
    yield check_updates(group, experiment)
    yield from check_images(group, experiment)


def closed_form(schedule: Schedule, step: int, total: int) -> float:
    """The learning rate at a step, in float64, from the formula in the schedule's docstring."""
    warm = schedule.warmup * total
    rising = min(1.0, (step + 1) / warm) if warm >= 1 else 1.0
    progress = min(max((step - warm) / (total - warm), 0.0), 1.0)
    match schedule:
        case ConstantRate():
            shape = 1.0
        case Cosine():
            shape = schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * progress))
        case Polynomial():
            shape = (1 - progress) ** schedule.power
        case MultiStep():
            shape = schedule.factor ** sum(step >= round(boundary * total) for boundary in schedule.boundaries)
    return schedule.peak * rising * shape


def check_learning_rate(group: Group, experiment: Experiment) -> Check:
    """The rate at up to a thousand steps of the run, ends included, against the closed form."""
    total = experiment.total_steps
    steps = np.unique(np.linspace(0, total - 1, min(total, 1000)).astype(int))
    rates = np.asarray(jax.vmap(experiment.learning_rate)(jnp.asarray(steps)), np.float64)
    expected = np.array([closed_form(experiment.recipe.schedule, int(step), total) for step in steps])
    off = np.abs(rates - expected) > 1e-5 * experiment.recipe.schedule.peak
    detail = f"{len(steps)} steps from {expected[0]:g} to {expected[-1]:g} agree with the closed form"
    if off.any():
        first = int(np.argmax(off))
        detail = f"at step {steps[first]} it is {rates[first]:g} where {expected[first]:g} belongs"
    return group.check("learning rate", not off.any(), detail)


def check_decay(group: Group, experiment: Experiment) -> Check:
    """Which parameters an update with zero gradients moves: just those that the recipe lets decay."""
    params = jax.eval_shape(experiment.initial_state, 0).params
    ones = jax.tree.map(lambda leaf: jnp.ones(leaf.shape[-1:], leaf.dtype), params)  # small, the paths are what counts
    zeros = jax.tree.map(jnp.zeros_like, ones)
    updates, _ = experiment.optimizer.update(zeros, experiment.optimizer.init(ones), ones)
    moved = {path for path, update in traverse_util.flatten_dict(updates, sep="/").items() if jnp.any(update != 0)}
    regularization = experiment.recipe.regularization
    paths = traverse_util.flatten_dict(params, sep="/")
    expected = {
        path
        for path in paths
        if regularization.weight_decay and any(fnmatch.fnmatch(path, pattern) for pattern in regularization.decayed)
    }
    wrong = sorted(moved ^ expected)
    fine = f"{len(expected)} of {len(paths)} parameters decay, at {regularization.weight_decay:g}"
    return group.check("weight decay", not wrong, f"wrong for {', '.join(wrong)}" if wrong else fine)


def check_updates(group: Group, experiment: Experiment, steps: int = 5) -> Check:
    """A few updates of a small parameter under random gradients, against the update rule in float64."""
    recipe, total = experiment.recipe, experiment.total_steps
    random = np.random.default_rng(0)
    weight = random.standard_normal(8)
    params = {"layer": {"kernel": jnp.asarray(weight, jnp.float32)}}
    state = experiment.optimizer.init(params)
    decays = any(fnmatch.fnmatch("layer/kernel", pattern) for pattern in recipe.regularization.decayed)
    decay = recipe.regularization.weight_decay if decays else 0.0
    rule = update_rule(recipe.optimizer)
    for step in range(min(steps, total)):
        gradient = random.standard_normal(8)
        updates, state = experiment.optimizer.update({"layer": {"kernel": jnp.asarray(gradient, jnp.float32)}}, state, params)
        params = jax.tree.map(jnp.add, params, updates)
        weight = weight + rule(gradient + decay * weight, closed_form(recipe.schedule, step, total))
    error = float(np.abs(np.asarray(params["layer"]["kernel"]) - weight).max() / np.abs(weight).max())
    return group.check("update rule", error < 1e-5, f"{steps} updates differ from the formula by {error:.1e} of the weights")


@functools.singledispatch
def update_rule(optimizer: Optimizer):
    """A function (gradient, learning rate) -> change of the weight, with a memory, in float64."""
    raise TypeError(type(optimizer).__name__)


@update_rule.register
def _sgd(optimizer: SGD):
    velocity = 0.0

    def update(gradient, rate):
        nonlocal velocity
        if optimizer.rate_in_momentum:
            velocity = optimizer.momentum * velocity - rate * gradient
            return velocity
        velocity = optimizer.momentum * velocity + gradient
        return -rate * (gradient + optimizer.momentum * velocity if optimizer.nesterov else velocity)

    return update


def check_images(group: Group, experiment: Experiment) -> Iterator[Check]:
    """What the network is fed: its statistics, whether evaluation is always the same, and how often images flip."""
    feed, constants = experiment.eval_feed, experiment.constants(experiment.eval_feed)
    indices = np.linspace(0, len(feed.split) - 1, min(IMAGES, len(feed.split))).astype(int)
    batch = next(evaluation_batches(feed, len(indices), indices, on_corrupt=lambda corrupt: None))
    look = jax.jit(inputs_and_labels, static_argnums=0)
    inputs = np.asarray(look(feed.transforms, constants, batch, jax.random.key(0))[0])
    again = np.asarray(look(feed.transforms, constants, batch, jax.random.key(1))[0])
    yield group.check("evaluation", np.array_equal(inputs, again), "the same images come out the same with another key")

    plausible, found = looks_normalized(experiment.recipe.normalization, inputs)
    yield group.check("input", plausible, f"{found}, for {type(experiment.recipe.normalization).__name__}")
    for transform in experiment.recipe.augmentation.train:
        if isinstance(transform, HorizontalFlip):
            yield check_flips(group, experiment, transform.probability)


def looks_normalized(normalization: Normalization, inputs: np.ndarray) -> tuple[bool, str]:
    """Whether evaluation images [N, H, W, C] as the network gets them look like this normalization, and what they do.

    The bounds allow for evaluation images that are a little unlike the training images, and for what resizing takes off
    the deviation; pixels that were not normalized are beyond them by a factor of ten at least.
    """
    means, deviations = inputs.mean((0, 1, 2)), inputs.std((0, 1, 2))
    extremes = f"values from {inputs.min():.2f} to {inputs.max():.2f}"
    moments = f"channel means {np.round(means, 2).tolist()}, deviations {np.round(deviations, 2).tolist()}"
    match normalization:
        case ChannelMeanStd():
            return bool(np.all(np.abs(means) < 0.5) and np.all(np.abs(deviations - 1) < 0.5)), moments
        case UnitRange():
            return bool(0 <= inputs.min() and 0.5 < inputs.max() <= 1), extremes
        case SignedRange():
            return bool(-1 <= inputs.min() < 0 < inputs.max() <= 1), extremes
        case PixelMean():
            return bool(np.all(np.abs(means) < 30) and np.all(deviations > 10)), moments
    raise TypeError(type(normalization).__name__)


def check_flips(group: Group, experiment: Experiment, probability: float) -> Check:
    """Feeds the pipeline a picture that grows brighter to the right, many times, and counts how often it is mirrored."""
    feed = experiment.train_feed
    ramp = np.linspace(0, 255, feed.image_shape[1])[:, None].astype(np.uint8)
    batch = Batch(
        index=np.zeros(IMAGES, np.int32),
        position=np.arange(IMAGES, dtype=np.int32),
        weight=np.ones(IMAGES, np.float32),
        image=np.broadcast_to(ramp, (IMAGES, *feed.image_shape)),
        label=np.zeros(IMAGES, np.int32),
    )
    constants = Constants(experiment.statistics, None, None)
    inputs = jax.jit(inputs_and_labels, static_argnums=0)(feed.transforms, constants, batch, jax.random.key(0))[0]
    half = inputs.shape[2] // 2
    mirrored = int(jnp.sum(inputs[:, :, :half].mean((1, 2, 3)) > inputs[:, :, half:].mean((1, 2, 3))))
    return group.check(
        "flips",
        share_is_plausible(mirrored, IMAGES, probability, ALPHA),
        f"{mirrored} of {IMAGES} images, probability {probability:g}; wrong once in {1 / ALPHA:,.0f} times",
    )
