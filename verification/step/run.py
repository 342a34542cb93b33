"""A short run by `zoo.fit` from outside: its records, what it evaluates, what it decides, and how it resumes.

The same steps are made by hand with the compiled step, so that the weights of each evaluation are known.
"""

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator

import jax
import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from verification.devices import keep_programs
from verification.schedule import closed_form
from verification.shared import with_ramp
from verification.step.decisions import decides, plateau_factor, stopping
from verification.step.evaluation import compare, expected_metrics
from verification.step.probe import batch_size, small
from verification.step.specification import Specification
from zoo import parallel
from zoo.data.dataset import Dataset
from zoo.data.pipeline import training_batches
from zoo.data.split import ArraySplit
from zoo.data.splitting import hold_out, keep_fractions, subset
from zoo.layers.lowering import convolution_lowering
from zoo.recipe import Budget, Recipe, ReduceOnPlateau
from zoo.training.experiment import Experiment
from zoo.training.fit import fit
from zoo.training.run.folder import RunFolder
from zoo.training.tracking import Tracker

STEPS, EVERY = 6, 2  # of a short run, and between its evaluations
DECIDING = 12  # steps of a run whose evaluations decide something, with one after each step
EXAMPLES, EVALUATED = 240, 37  # of the splits of a short run, if batches are not larger
INTERIM = 13  # evaluated examples during such a run, if the recipe evaluates fewer than all: fewer than are held out
TIMES = ("seconds", "images_per_second")  # of a record: the rest is the same each time
SAME_WEIGHTS = 1e-5  # largest difference, relative to the length of a variable, of weights after the same steps


class _Prepared(Tracker):
    """Keeps the experiment that `fit` prepares, whose compiled steps are then made by hand."""

    def begin(self, experiment, first_step):
        self.experiment = experiment


def short_recipe(experiment: Experiment) -> Recipe:
    """Returns the recipe of a short run, in which evaluations decide at once."""
    recipe, steps = with_ramp(experiment.recipe), DECIDING if decides(experiment.recipe) else STEPS
    changes = {
        "budget.steps": steps,
        "budget.epochs": None,
        "budget.batch_size": batch_size(experiment),
        "budget.evaluate_every": 1 / steps if decides(recipe) else EVERY / steps,
        "budget.interim_examples": recipe.budget.interim_examples and INTERIM,
        "target": None,
    }
    if isinstance(recipe.schedule, ReduceOnPlateau):
        changes["schedule.patience"] = 1
    if recipe.early_stopping is not None:
        changes["early_stopping.patience"] = 2
    return recipe.override(changes)


def short_dataset(experiment: Experiment, recipe: Recipe) -> Dataset:
    """Returns a data set with a part of each split."""
    dataset = experiment.dataset
    train = subset(dataset.train, _spread(len(dataset.train), max(EXAMPLES, 3 * recipe.budget.batch_size)))
    evaluation = subset(dataset.eval, _spread(len(dataset.eval), EVALUATED))
    return dataclasses.replace(dataset, train=train, eval=evaluation)


def misleading(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Returns a data set in which evaluation examples have the label of the next class.

    While the loss of training falls, that of such an evaluation rises, so that a decision by the wrong one shows. The
    same holds for the validation examples that the recipe holds out.
    """
    if dataset.eval.labels is None:
        return dataset
    shifted = (dataset.eval.labels + 1) % len(dataset.class_names)
    evaluation, train = dataclasses.replace(dataset.eval, labels=shifted), dataset.train
    if recipe.data.validation:
        train = _with_wrong_validation(train, recipe.data, dataset.class_names)
    return dataclasses.replace(dataset, train=train, eval=evaluation)


def _with_wrong_validation(train, data, class_names):
    """Returns the split with examples of other classes in the place of those that will be held out.

    The labels stay, since they decide which examples are held out. Only examples in memory can be changed.
    """
    if not isinstance(train, ArraySplit):
        return train
    kept = keep_fractions(train.labels, data.keep, class_names) if data.keep else np.arange(len(train))
    out = kept[hold_out(train.labels[kept], data.validation)[1]]
    by_class = out[np.argsort(train.labels[out], kind="stable")]
    images = train.images.copy()
    images[by_class] = train.images[np.roll(by_class, np.bincount(train.labels[out]).max())]
    return dataclasses.replace(train, images=images)


def _spread(length, count):
    return np.unique(np.linspace(0, length - 1, min(count, length)).astype(int))


def check_run(group: Group, experiment: Experiment, seed: int) -> Iterator[Check]:
    """Checks a short run of a recipe, and that it ends with the same bits if it is killed and resumed.

    If evaluations decide, there are two runs. In the first, loss and accuracy do not improve at the same steps; in the
    second, with `misleading` data, the losses of training and evaluation do not. The second is resumed: its evaluations
    get worse, so that something has been decided by then.
    """
    recipe = short_recipe(experiment)
    dataset = short_dataset(experiment, recipe)
    options = {"model": experiment.model, "devices": list(experiment.mesh.devices.flat)}
    # Programs with XLA's own convolutions are kept in the compilation cache, and are fast enough for small networks.
    lowering = "xla" if small(experiment) else experiment.convolution
    keep_programs()
    with convolution_lowering(lowering), tempfile.TemporaryDirectory() as folder:
        prepared, problems = _Prepared(), []
        if decides(recipe):
            plain = fit(recipe, None, seed, dataset=dataset, trackers=[prepared], **options)
            problems += _compare(plain, prepared.experiment, seed)[0]
            dataset = misleading(dataset, recipe)
        whole = fit(recipe, folder, seed, dataset=dataset, trackers=[prepared], **options)
        found, counts = _compare(whole, prepared.experiment, seed)
        problems += found
        yield group.check(
            "run", not problems, "; ".join(problems[:2]) or f"{counts} are those of the same steps by hand"
        )
        checkpoints = [path for path in RunFolder(folder).checkpoints.iterdir() if path.name.isdecimal()]
        *_, earlier, last = [None, None, *sorted(checkpoints, key=lambda path: int(path.name))]
        if earlier is None:
            yield group.check("resuming", False, f"a run leaves {len(checkpoints)} checkpoints, expected two or more")
            return
        shutil.rmtree(last)  # as if the run had been killed before it wrote its last checkpoint
        resumed = fit(recipe, folder, seed, dataset=dataset, **options)
    yield _check_resumed(group, whole, resumed, int(earlier.name))


def _compare(result, experiment, seed) -> tuple[list[str], str]:
    """Compares the records of a run with steps made by hand and with plain evaluations of their weights.

    Returns sentences about the differences, and how much was compared.
    """
    recipe, total = experiment.recipe, experiment.total_steps
    specification, constants = Specification(experiment), experiment.constants(experiment.train_pipeline)
    trained = {record["step"]: record for record in result.history if record["kind"] == "train"}
    restored = [record for record in result.history if "restored_step" in record]
    others = [record for record in result.history if record["kind"] != "train" and "restored_step" not in record]
    evaluated = {record["step"]: record for record in others}
    interim = experiment.eval_pipeline if experiment.validation_pipeline is None else experiment.validation_pipeline
    if recipe.budget.interim_examples:
        chosen = _evenly_spaced(len(interim.split), recipe.budget.interim_examples)
        interim = dataclasses.replace(interim, split=subset(interim.split, chosen))
    planned = planned_evaluations(recipe.budget, total)
    state, problems, seen, weights, best = experiment.initial_state(seed), [], [], [], 0
    batches = training_batches(experiment.train_pipeline, recipe.budget.batch_size, seed=seed)
    for step, batch in zip(range(1, total + 1), batches, strict=False):
        factor = 1.0
        if isinstance(recipe.schedule, ReduceOnPlateau):
            factor = plateau_factor(recipe.schedule, seen)
            state = state.replace(rate_factor=parallel.replicate(np.float32(factor), experiment.mesh))
        state, metrics = experiment.train_step(state, constants, parallel.shard_batch(batch, experiment.mesh))
        rate = factor * closed_form(recipe.schedule, step - 1, total)
        if step not in trained:
            problems.append(f"the run ended before step {step}")
            break
        for name, expected in (("loss", float(metrics["loss"])), ("learning_rate", rate)):
            found = trained[step][name]
            if not abs(found - expected) <= 1e-5 * max(abs(expected), 1e-3 * recipe.schedule.peak):
                problems.append(f"the {name.replace('_', ' ')} of step {step} is {found:.6g}, expected {expected:.6g}")
        if step not in planned:
            continue
        final = step == total and recipe.early_stopping is None
        average = jax.device_get(state.variables if recipe.weight_average is None else state.average)
        expected, near = expected_metrics(specification, experiment.eval_pipeline if final else interim, average)
        if step not in evaluated:
            problems.append(f"there is no evaluation after step {step}")
            continue
        _, problem = compare(evaluated[step], expected, near)
        problems += [f"in the evaluation after step {step}, {problem}"] if problem else []
        seen.append(expected)
        weights.append(average)
        if recipe.early_stopping is not None:
            best, over = stopping(recipe.early_stopping, seen)
            if over or step == total:
                expected, near = expected_metrics(specification, experiment.eval_pipeline, weights[best])
                problem = compare(restored[-1], expected, near)[1] if restored else "no weights were restored"
                problems += [f"after early stopping, {problem}"] if problem else []
                if max(trained) > step:
                    problems.append(f"the run went on after step {step}, at which it had to stop")
                break
    batches.close()
    if len(others) != len(seen) and not problems:
        problems.append(f"there are {len(others)} evaluations, expected {len(seen)}")
    if weights:
        learned = weights[best] if recipe.early_stopping is not None else weights[-1]
        if different := _different(result.variables, learned):
            problems.append(f"the run does not return the weights of its last record; most different: {different}")
    return problems, f"{step} steps and {len(seen)} evaluations"


def planned_evaluations(budget: Budget, total: int) -> set[int]:
    """Returns the steps after which a run is evaluated: multiples of the interval in `Budget`, and the last one.

    The interval is the nearest number of steps to its fraction of the run, one at least.
    """
    every = max(round(budget.evaluate_every * total), 1)
    return {step for step in range(1, total + 1) if step % every == 0 or step == total}


def _evenly_spaced(length, count):
    """Returns evenly spaced positions, with the first and the last."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int))


def _different(found, expected):
    """Returns the path of the variable that differs most; None if all are the same but for rounding."""
    found, expected = (traverse_util.flatten_dict(jax.device_get(each), sep="/") for each in (found, expected))
    off = {
        path: float(np.linalg.norm(found[path] - value)) / (float(np.linalg.norm(value)) or 1.0)
        for path, value in expected.items()
    }
    worst = max(off, key=lambda path: np.nan_to_num(off[path], nan=np.inf))
    return None if off[worst] <= SAME_WEIGHTS else worst


def _check_resumed(group, whole, resumed, step) -> Check:
    """Compares the results of a run that was resumed after some steps with those of one that was not."""
    problems = []
    ours, theirs = (traverse_util.flatten_dict(jax.device_get(each.variables), sep="/") for each in (whole, resumed))
    different = [path for path, value in ours.items() if not np.array_equal(value, theirs[path])]
    if different:
        problems.append(f"{len(different)} of {len(ours)} variables differ, such as {different[0]}")
    records = [
        [{name: value for name, value in record.items() if name not in TIMES} for record in result.history]
        for result in (whole, resumed)
    ]
    if len(records[0]) != len(records[1]):
        problems.append(f"there are {len(records[1])} records, not {len(records[0])}")
    elif records[0] != records[1]:
        one, two = next(pair for pair in zip(*records, strict=True) if pair[0] != pair[1])
        names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
        problems.append(f"the record of step {one['step']} has another {', '.join(names)}")
    steps = sum(record["kind"] == "train" for record in records[0])
    detail = f"resumed after {step} of {steps} steps, a run ends with the same {len(ours)} variables, bit for bit"
    return group.check("resuming", not problems, "; ".join(problems) or detail)
