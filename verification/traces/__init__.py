"""Checks that budget, learning rate and inputs of a run follow the recipe."""

import fnmatch
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util

from verification.check import Check, Group
from verification.optimizer import decays, update_rule
from verification.schedule import closed_form, corners
from verification.shared import NOTHING
from verification.traces.features import check_features
from verification.traces.images import check_images
from verification.traces.published import check_published
from verification.traces.splits import check_held_out, check_splits
from zoo.compilation import run_once
from zoo.data.pipeline import training_order
from zoo.training.experiment import Experiment

SMALL = 1e-3  # gradient that no recipe clips


def check_traces(recipe_name: str, experiment: Experiment, shown: Mapping[str, str] = NOTHING) -> Iterator[Check]:
    """Checks budget and learning rate against closed forms, the splits, and the network's inputs.

    Args:
      recipe_name: for the results.
      experiment: of the recipe.
      shown: the recipe that has the same `splits` and `data`, and those that have the same random `transforms`, which
        are checked in the place of this one's. See `verification.shared`.
    """
    group = Group(recipe_name, "traces")
    yield check_budget(group, experiment)
    yield check_learning_rate(group, experiment)
    if by := shown.get("splits"):
        for name in ("splits", "data"):
            yield group.skip(name, f"shown by {by}; run it with --tier=full")
    else:
        held_out = None if experiment.validation_pipeline is None else experiment.validation_pipeline.split
        yield check_splits(group, experiment.dataset)
        if held_out is not None:
            yield check_held_out(group, experiment.dataset, held_out)
        yield check_published(group, experiment.dataset, experiment.recipe.data, held_out)
    if experiment.dataset.feature_names is not None:
        yield from check_features(group, experiment)
    else:
        yield from check_images(group, experiment, shown.get("transforms"))


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


def check_learning_rate(group: Group, experiment: Experiment) -> Check:
    """Checks the reported rate, and the rate that the run's own optimizer applies.

    At 1,000 steps of the run, around the ends of epochs, and around each corner of the schedule.
    """
    schedule, total = experiment.recipe.schedule, experiment.total_steps
    epoch = experiment.train_pipeline.epoch / experiment.recipe.budget.batch_size
    epochs = [round(number * epoch) for number in range(1, math.ceil(total / epoch))]
    bends = [round(fraction * total) for fraction in corners(schedule)]
    steps = {
        *np.linspace(0, total - 1, min(total, 1000)).astype(int),
        *(bend + shift for bend in (*bends, *epochs) for shift in (-1, 0, 1)),
    }
    steps = np.array(sorted(step for step in steps if 0 <= step < total))
    reported, updates = run_once(lambda steps: _rates_and_updates(experiment, steps), jnp.asarray(steps))
    expected = np.array([closed_form(schedule, int(step), total) for step in steps])
    change = _expected_update(experiment)
    changes = np.array([change(rate, int(step)) for rate, step in zip(expected, steps, strict=True)])
    ends = f", including the ends of {len(epochs)} epochs," if epochs else ""
    detail = (
        f"{len(steps):,} of {total:,} steps{ends} from {expected[0]:g} to {expected[-1]:g} agree with the closed form,"
        " as reported and as applied"
    )
    for what, found, wanted in (("a rate of", reported, expected), ("an update of", updates, changes)):
        off = ~(np.abs(found.astype(np.float64) - wanted) <= 1e-5 * np.abs(wanted).max())
        if off.any():
            first = int(np.argmax(off))
            detail = f"expected {what} {wanted[first]:g} at step {steps[first]}, got {found[first]:g}"
            return group.check("learning rate", False, detail)
    return group.check("learning rate", True, detail)


def _trained(experiment):
    """Returns the path of a parameter that is trained at the schedule's own rate."""
    paths = traverse_util.flatten_dict(experiment.abstract_state.params, sep="/")
    rates = experiment.recipe.transfer.rates if experiment.recipe.transfer else {}
    return next(
        path
        for path in paths
        if path not in experiment.frozen and not any(fnmatch.fnmatchcase(path, pattern) for pattern in rates)
    )


def _rates_and_updates(experiment, steps):
    """Returns the reported rate at each step, and the update of a parameter with value 1 and gradient `SMALL`."""
    path = _trained(experiment)
    ones = traverse_util.unflatten_dict({path: jnp.ones(1)}, sep="/")  # only its path matters
    gradient = jax.tree.map(lambda leaf: SMALL * leaf, ones)
    optimizer = optax.with_extra_args_support(experiment.optimizer)
    start = optimizer.init(ones)
    counted = bool(optax.tree_utils.tree_get_all_with_path(start, "count"))

    def update(step):
        state = optax.tree_utils.tree_set(start, count=step) if counted else start
        updates, _ = optimizer.update(gradient, state, ones)
        return traverse_util.flatten_dict(updates, sep="/")[path][0]

    return jax.vmap(experiment.learning_rate)(steps), jax.vmap(update)(steps)


def _expected_update(experiment):
    """Returns the closed form of the update in `_rates_and_updates`, of a rate and a step."""
    recipe, path = experiment.recipe, _trained(experiment)
    penalties = recipe.regularization
    decay, l1 = (penalties.weight_decay, penalties.l1) if decays(recipe, path) else (0.0, 0.0)
    gradient, weight = np.array([SMALL + l1]), np.ones(1)
    # A rule keeps its moments: each step has its own, since here the optimizer's are zero.
    return lambda rate, step: float(update_rule(recipe.optimizer, decay)(gradient, weight, rate, step)[0])
