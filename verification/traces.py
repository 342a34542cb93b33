"""Does a run do step by step what its recipe says: learning rate, weight decay, update rule?"""

import fnmatch
import functools
import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from verification.images import check_images
from zoo.optimizer import make_optimizer
from zoo.recipe import SGD, ConstantRate, Cosine, MultiStep, Polynomial, Recipe
from zoo.recipe.optimization import Optimizer, Schedule
from zoo.training import experiment as experiments
from zoo.training.experiment import Experiment

SHORT_RUN = 20  # updates: the whole schedule in few steps, so that the rate changes on the way


def check_traces(recipe_name: str, experiment: Experiment) -> Iterator[Check]:
    """Checks learning rate, decay mask and update rule against closed forms, and the images that the network is fed."""
    group = Group(recipe_name, "traces")
    yield check_learning_rate(group, experiment)
    yield check_decay(group, experiment)
    yield check_updates(group, experiment.recipe)
    yield from check_images(group, experiment)


def closed_form(schedule: Schedule, step: int, total: int) -> float:
    """The learning rate at a step, in float64, from the formula in the schedule's docstring."""
    warm = schedule.warmup * total
    rising = min(1.0, (step + 1) / max(warm, 1)) if warm else 1.0
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
        case _:
            raise TypeError(f"there is no closed form of {type(schedule).__name__} here yet")
    return schedule.peak * rising * shape


def check_learning_rate(group: Group, experiment: Experiment) -> Check:
    """The rate at up to a thousand steps of the run, both ends and the steps around each boundary included."""
    schedule, total = experiment.recipe.schedule, experiment.total_steps
    corners = [round(fraction * total) for fraction in (schedule.warmup, *getattr(schedule, "boundaries", ()))]
    steps = {
        *np.linspace(0, total - 1, min(total, 1000)).astype(int),
        *(corner + shift for corner in corners for shift in (-1, 0, 1)),
    }
    steps = np.array(sorted(step for step in steps if 0 <= step < total))
    rates = np.asarray(jax.vmap(experiment.learning_rate)(jnp.asarray(steps)), np.float64)
    expected = np.array([closed_form(schedule, int(step), total) for step in steps])
    off = np.abs(rates - expected) > 1e-5 * schedule.peak
    detail = f"{len(steps)} of {total:,} steps, from {expected[0]:g} to {expected[-1]:g}, agree with the closed form"
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
    paths = traverse_util.flatten_dict(params, sep="/")
    expected = {path for path in paths if _decays(experiment.recipe, path) and path not in experiment.frozen}
    wrong = sorted(moved ^ expected)
    fine = f"{len(expected)} of {len(paths)} parameters decay, at {experiment.recipe.regularization.weight_decay:g}"
    return group.check("weight decay", not wrong, f"wrong for {', '.join(wrong)}" if wrong else fine)


def _decays(recipe, path):
    regularization = recipe.regularization
    return regularization.weight_decay > 0 and any(
        fnmatch.fnmatchcase(path, pattern) for pattern in regularization.decayed
    )


def check_updates(group: Group, recipe: Recipe) -> Check:
    """A short run of updates under random gradients, for a small parameter that decays, against the rule in float64."""
    random = np.random.default_rng(0)
    path = next(
        (path for path in ("layer/kernel", "layer/scale", "layer/bias") if _decays(recipe, path)), "layer/kernel"
    )
    decay = recipe.regularization.weight_decay if _decays(recipe, path) else 0.0
    weight = random.standard_normal(8)
    params = traverse_util.unflatten_dict({path: jnp.asarray(weight, jnp.float32)}, sep="/")
    rate = experiments.learning_rate(recipe.schedule, SHORT_RUN)
    optimizer = make_optimizer(recipe.optimizer, recipe.regularization, rate)
    state, rule = optimizer.init(params), update_rule(recipe.optimizer)
    for step in range(SHORT_RUN):
        gradient = random.standard_normal(8)
        gradients = jax.tree.map(lambda leaf, gradient=gradient: jnp.asarray(gradient, leaf.dtype), params)
        updates, state = optimizer.update(gradients, state, params)
        params = jax.tree.map(jnp.add, params, updates)
        weight = weight + rule(gradient + decay * weight, closed_form(recipe.schedule, step, SHORT_RUN))
    (found,) = jax.tree.leaves(params)
    error = float(np.abs(np.asarray(found) - weight).max() / np.abs(weight).max())
    detail = f"{SHORT_RUN} updates over the whole schedule differ from the formula by {error:.1e} of the weights"
    return group.check("update rule", error < 1e-5, detail)


@functools.singledispatch
def update_rule(optimizer: Optimizer):
    """A function (gradient, learning rate) -> change of the weight, with a memory, in float64."""
    raise TypeError(f"there is no update rule of {type(optimizer).__name__} here yet")


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
