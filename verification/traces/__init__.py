"""Checks that budget, learning rate, weight decay, updates, loss and inputs of a run follow the recipe."""

import fnmatch
import math
from collections.abc import Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from verification.loss import closed_form as closed_form_of_loss
from verification.traces.features import check_features
from verification.traces.images import check_images
from verification.traces.optimizer import clip, threshold, update_rule
from zoo.compilation import run_once
from zoo.data.pipeline import training_order
from zoo.recipe import (
    ConstantRate,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Regularization,
    Step,
    WeightAverage,
)
from zoo.recipe.schedule import Schedule
from zoo.training import prepare as preparing
from zoo.training.experiment import Experiment
from zoo.training.step.objective import sums_over_examples
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.weight_average import average_weights

SHORT_RUN = 20  # updates; the whole schedule is compressed into these


def check_traces(recipe_name: str, experiment: Experiment) -> Iterator[Check]:
    """Checks budget, learning rate, decay mask, update rule and loss against closed forms, and the network's inputs."""
    group = Group(recipe_name, "traces")
    yield check_budget(group, experiment)
    yield check_learning_rate(group, experiment)
    yield check_decay(group, experiment)
    yield check_updates(group, experiment)
    yield check_loss(group, experiment)
    if experiment.recipe.weight_average is not None:
        yield check_average(group, experiment.recipe.weight_average)
    table = experiment.dataset.feature_names is not None
    yield from (check_features if table else check_images)(group, experiment)


def check_budget(group: Group, experiment: Experiment) -> Check:
    """Checks the number of steps, the batch size, and that the first epoch has each example once.

    Batches are checked at the beginning, in the middle and across the end of the first epoch.
    """
    budget, pipeline, steps = experiment.recipe.budget, experiment.train_pipeline, experiment.total_steps
    expected = budget.steps or max(1, round(Fraction(budget.epochs) * pipeline.epoch / budget.batch_size))
    problems = [] if steps == expected else [f"expected {expected:,} steps, got {steps:,}"]
    order = training_order(pipeline, budget.batch_size, seed=0)
    last = pipeline.epoch // budget.batch_size
    seen = []
    for step in sorted({0, last // 2, last}):
        batch = order[step][1]
        if len(batch.index) != budget.batch_size or not batch.weight.all():
            problems.append(
                f"batch {step} has {len(batch.index)} examples, {int(batch.weight.sum())} of them with weight"
            )
        inside = np.arange(len(batch.index)) + step * budget.batch_size < pipeline.epoch
        seen.extend(batch.index[inside].tolist())
    if pipeline.examples is None and len(set(seen)) < len(seen):
        problems.append("the first epoch contains examples twice")
    epochs = steps * budget.batch_size / pipeline.epoch
    fine = f"{steps:,} steps of {budget.batch_size} are {epochs:.2f} epochs of {pipeline.epoch:,} examples"
    return group.check("budget", not problems, "; ".join(problems) or fine)


def closed_form(schedule: Schedule, step: int, total: int) -> float:
    """Returns the learning rate at a step in float64, by the formula in the schedule's docstring."""
    warmup = schedule.warmup * total
    ramp = min(1.0, (step + 1) / max(warmup, 1)) if warmup else 1.0
    progress = min(max((step - warmup) / (total - warmup), 0.0), 1.0)
    match schedule:
        case ConstantRate() | ReduceOnPlateau():
            shape = 1.0
        case Cosine():
            shape = schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * progress))
        case Polynomial():
            shape = (1 - progress) ** schedule.power
        case MultiStep():
            shape = schedule.factor ** sum(step >= round(boundary * total) for boundary in schedule.boundaries)
        case Step():
            shape = schedule.factor ** sum(
                step >= round(number * schedule.every * total) for number in range(1, math.ceil(1 / schedule.every))
            )
        case Exponential():
            start = max(schedule.constant, schedule.warmup)
            shape = math.exp(math.log(schedule.final) * max(step / total - start, 0.0) / (1 - start))
        case OneCycle(rise=rise, fall=fall):
            done = step / total
            if done < rise:
                shape = schedule.initial + (1 - schedule.initial) * done / rise
            elif done < rise + fall:
                shape = 1 - (1 - schedule.initial) * (done - rise) / fall
            else:
                left = (1 - done) / (1 - rise - fall)
                shape = schedule.final + (schedule.initial - schedule.final) * left
        case _:
            raise TypeError(f"no closed form of {type(schedule).__name__}: add it to verification/traces/__init__.py")
    return schedule.peak * ramp * shape


def check_learning_rate(group: Group, experiment: Experiment) -> Check:
    """Checks the learning rate around the ends of epochs, around each corner, and at 1,000 steps of the run."""
    schedule, total = experiment.recipe.schedule, experiment.total_steps
    epoch = experiment.train_pipeline.epoch / experiment.recipe.budget.batch_size
    epochs = [round(number * epoch) for number in range(1, math.ceil(total / epoch))]
    corners = [round(fraction * total) for fraction in _corners(schedule)]
    steps = {
        *np.linspace(0, total - 1, min(total, 1000)).astype(int),
        *(corner + shift for corner in (*corners, *epochs) for shift in (-1, 0, 1)),
    }
    steps = np.array(sorted(step for step in steps if 0 <= step < total))
    rates = run_once(jax.vmap(experiment.learning_rate), jnp.asarray(steps)).astype(np.float64)
    expected = np.array([closed_form(schedule, int(step), total) for step in steps])
    off = np.abs(rates - expected) > 1e-5 * schedule.peak
    ends = f", including the ends of {len(epochs)} epochs," if epochs else ""
    detail = (
        f"{len(steps):,} of {total:,} steps{ends} from {expected[0]:g} to {expected[-1]:g} agree with the closed form"
    )
    if off.any():
        first = int(np.argmax(off))
        detail = f"expected {expected[first]:g} at step {steps[first]}, got {rates[first]:g}"
    return group.check("learning rate", not off.any(), detail)


def _corners(schedule):
    """Returns the fractions of the run at which the rate has a corner or jump."""
    match schedule:
        case MultiStep():
            return schedule.warmup, *schedule.boundaries
        case Step():
            return schedule.warmup, *(schedule.every * number for number in range(1, math.ceil(1 / schedule.every)))
        case Exponential():
            return schedule.warmup, schedule.constant
        case OneCycle():
            return schedule.rise, schedule.rise + schedule.fall
    return (schedule.warmup,)


def check_decay(group: Group, experiment: Experiment) -> Check:
    """Checks that an update with zero gradients changes exactly the parameters that the recipe decays."""
    params = experiment.abstract_state.params
    ones = jax.tree.map(lambda leaf: jnp.ones(1, leaf.dtype), params)  # only the paths matter
    zeros = jax.tree.map(jnp.zeros_like, ones)
    updates, _ = experiment.optimizer.update(zeros, experiment.optimizer.init(ones), ones)
    moved = {path for path, update in traverse_util.flatten_dict(updates, sep="/").items() if jnp.any(update != 0)}
    paths = traverse_util.flatten_dict(params, sep="/")
    expected = {path for path in paths if _decays(experiment.recipe, path) and path not in experiment.frozen}
    wrong = sorted(moved ^ expected)
    regularization = experiment.recipe.regularization
    fine = f"{len(expected)} of {len(paths)} parameters decay, with weight decay {regularization.weight_decay:g}"
    if regularization.l1:
        fine += f" and L1 penalty {regularization.l1:g}"
    return group.check("weight decay", not wrong, f"wrong decay of {', '.join(wrong)}" if wrong else fine)


def _decays(recipe, path):
    regularization = recipe.regularization
    return regularization.weight_decay + regularization.l1 > 0 and any(
        fnmatch.fnmatchcase(path, pattern) for pattern in regularization.decayed
    )


def check_updates(group: Group, experiment: Experiment) -> Check:
    """Compares a short run of updates with the update rule in float64, with random gradients, some of them clipped.

    The parameter has eight values and the name of one that decays.
    """
    random, recipe = np.random.default_rng(0), experiment.recipe
    paths = traverse_util.flatten_dict(experiment.abstract_state.params, sep="/")
    path = next((path for path in paths if _decays(recipe, path)), next(iter(paths)))
    penalties = recipe.regularization if _decays(recipe, path) else Regularization()
    weight = random.standard_normal(8)
    params = traverse_util.unflatten_dict({path: jnp.asarray(weight, jnp.float32)}, sep="/")
    rate = preparing.learning_rate(recipe.schedule, SHORT_RUN)
    optimizer = make_optimizer(recipe.optimizer, recipe.regularization, rate, recipe.clipping)
    state, rule = optimizer.init(params), update_rule(recipe.optimizer, penalties.weight_decay)
    for step in range(SHORT_RUN):
        gradient = random.uniform(0, threshold(recipe.clipping)) * random.standard_normal(8)
        gradients = jax.tree.map(lambda leaf, gradient=gradient: jnp.asarray(gradient, leaf.dtype), params)
        plateau = isinstance(recipe.schedule, ReduceOnPlateau) and step >= SHORT_RUN // 2
        factor = recipe.schedule.factor if plateau else 1.0
        updates, state = optimizer.update(gradients, state, params, rate_factor=factor)
        params = jax.tree.map(jnp.add, params, updates)
        gradient = clip(recipe.clipping, gradient) + penalties.l1 * np.sign(weight)
        weight = weight + rule(gradient, weight, factor * closed_form(recipe.schedule, step, SHORT_RUN))
    (found,) = jax.tree.leaves(params)
    error = float(np.abs(np.asarray(found) - weight).max() / np.abs(weight).max())
    detail = (
        f"after {SHORT_RUN} updates over the whole schedule, weights differ from the formula by a relative {error:.1e}"
    )
    return group.check("update rule", error < 1e-5, detail)


def check_loss(group: Group, experiment: Experiment) -> Check:
    """Compares the loss of random logits and smoothed targets with the formula in float64."""
    random, recipe, objective = np.random.default_rng(0), experiment.recipe, experiment.objective
    classes, smoothing = len(experiment.dataset.class_names), recipe.regularization.label_smoothing
    logits = 2 * random.standard_normal((16, classes))
    one_hot = np.eye(classes, dtype=np.float32)[random.integers(0, classes, 16)]
    targets = (1 - smoothing) * one_hot + smoothing / classes
    expected = closed_form_of_loss(recipe.loss, logits, targets)
    if experiment.class_weights is not None:
        expected = expected * (one_hot @ experiment.class_weights)
    found = [
        sums_over_examples(jnp.asarray(logits)[one], one_hot[one], jnp.ones(1), objective).loss
        for one in (slice(place, place + 1) for place in range(16))
    ]
    error = float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())
    detail = f"{type(recipe.loss).__name__} of 16 examples differs from the formula by {error:.1e} of the largest loss"
    return group.check("loss", error < 1e-5, detail)


def check_average(group: Group, averaging: WeightAverage) -> Check:
    """Compares the weight average over a short run with the explicit weighted sum in float64."""
    values = np.random.default_rng(0).standard_normal(SHORT_RUN + 1)
    decays = [
        min(averaging.decay, (1 + step) / (10 + step)) if averaging.ramp else averaging.decay
        for step in range(1, SHORT_RUN + 1)
    ]
    weights = [math.prod(decays)]
    weights += [(1 - decay) * math.prod(decays[place:]) for place, decay in enumerate(decays, start=1)]
    found = {"params": jnp.float32(values[0])}
    for step, value in enumerate(values[1:], start=1):
        found = average_weights(averaging, found, {"params": jnp.float32(value)}, jnp.int32(step))
    error = abs(float(found["params"]) - float(np.dot(weights, values)))
    return group.check(
        "weight average", error < 1e-5, f"after {SHORT_RUN} steps, it differs from the weighted sum by {error:.1e}"
    )
