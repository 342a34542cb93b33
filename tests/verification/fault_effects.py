"""What a fault can change, on recipes that are traced in a second: programs, data, initial weights, and short runs."""

import dataclasses
import hashlib
import os
import signal
import tempfile
from pathlib import Path

import jax
import numpy as np

import zoo.data.sources
import zoo.training.fit
import zoo.training.loop
from verification.faults.fault import Fault
from zoo.catalog import load_recipe
from zoo.data.pipeline import training_batches
from zoo.errors import TrainingInterrupted
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

SHORT = {
    "budget.batch_size": 16, "budget.steps": 8, "budget.evaluate_every": 0.25, "budget.interim_examples": 40,
    "target": None,
}  # fmt: skip

# Small variants of the recipes that faults are tried on, and of AlexNet, each with what the earlier ones lack.
RECIPES = {
    "mlp": load_recipe("mlp").override(SHORT),
    "lenet5": load_recipe("lenet5").override(SHORT),
    "bn_cnn": load_recipe("bn_cnn").override({**SHORT, "schedule.patience": 1, "schedule.peak": 0.1}),
    # A large rate, so that evaluations get worse as well as better.
    "weighted": load_recipe("verification.faults.bases.weighted").override(
        {**SHORT, "budget.evaluate_every": 0.125, "schedule.peak": 0.5}
    ),
    "mixed": load_recipe("verification.faults.bases.mixed").override(SHORT),
    "decayed": load_recipe("lenet5").override(
        {
            **SHORT, "optimizer": Adam(), "regularization.weight_decay": 1e-2, "regularization.decayed": ("*kernel",),
            "initialization.kernel": None, "schedule.warmup": 0.25,
        }
    ),
    "deep": load_recipe("efficientnet_b0").override(
        {
            **SHORT, "model": Model("resnet18", options={"blocks": (2,), "width": 8, "drop_path": 0.2}),
            "augmentation.train.0.size": 32, "augmentation.eval.0.size": 32, "weight_average.decay": 0.5,
        }
    ),
    "squeezenet1_1": load_recipe("squeezenet1_1").override(SHORT),
    "mobilenet_v3_small": load_recipe("mobilenet_v3_small").override(
        {**SHORT, "augmentation.train.0.size": 32, "augmentation.eval.0.size": 32}
    ),
    "alexnet": load_recipe("alexnet").override(
        {
            **SHORT, "model.options.hidden": 32, "augmentation.train.0.size": 67, "augmentation.eval.0.size": 67,
        }
    ),
}  # fmt: skip


def recipe_for(fault: Fault) -> Recipe:
    """Returns the first recipe to which a fault applies."""
    return next(recipe for recipe in RECIPES.values() if fault.applies(recipe))


def changes(fault: Fault, healthy: dict) -> list[str]:
    """Returns the names of what a fault changes, from the cheapest observation that shows any.

    Args:
      fault: to inject at the strength that matters.
      healthy: observations without a fault, which are added when they are needed.
    """
    recipe = recipe_for(fault)
    name = next(name for name, each in RECIPES.items() if each is recipe)
    for observe in (traced, run, resumed):
        if (name, observe) not in healthy:
            healthy[name, observe] = observe(recipe)
        with fault.inject():
            found = observe(recipe)
        if different := [what for what, value in found.items() if value != healthy[name, observe][what]]:
            return different
    return []


def small_data(recipe):
    """Opens the data of a recipe, and keeps 1,000 and 200 examples."""
    whole = zoo.data.sources.open_data(recipe.data)
    parts = {
        name: dataclasses.replace(split, images=split.images[:count], labels=split.labels[:count], lines=None)
        for name, split, count in (("train", whole.train, 1000), ("eval", whole.eval, 200))
    }
    return dataclasses.replace(whole, **parts), {"sizes": str((len(whole.train), len(whole.eval)))}


def traced(recipe: Recipe) -> dict[str, str]:
    """Returns digests of data, initial states, the order of examples and the lowered steps, by name."""
    dataset, found = small_data(recipe)
    experiment = prepare(recipe, dataset)
    state = experiment.initial_state(1)
    found |= {
        "data": digest((dataset.train.images, dataset.train.labels, dataset.eval.images, dataset.eval.labels)),
        "selection": digest((experiment.dataset.train.labels, experiment.class_weights, experiment.statistics)),
        "initial state": digest(state) + digest(experiment.initial_state(2)),
    }
    size = recipe.budget.batch_size
    for seed, host, hosts in ((0, 0, 1), (0, 1, 2), (1, 0, 1)):
        batches = training_batches(experiment.train_pipeline, size, seed=seed, host=host, hosts=hosts)
        found[f"order with seed {seed} on host {host}"] = digest([next(batches).index for _ in range(130)])
    batch = next(training_batches(experiment.train_pipeline, size, seed=0))
    constants = experiment.constants(experiment.train_pipeline)
    found["training step"] = text(experiment.train_step, state, constants, batch)
    constants = experiment.constants(experiment.eval_pipeline)
    found["evaluation step"] = text(experiment.eval_step, state.evaluated, constants, batch)
    return found


def run(recipe: Recipe) -> dict[str, str]:
    """Trains, and returns the records and a digest of the weights."""
    dataset, _ = small_data(recipe)
    return {"run": result(zoo.training.fit.fit(recipe, dataset=dataset, seed=3))}


def resumed(recipe: Recipe) -> dict[str, str]:
    """Trains, interrupted after five steps, and returns the same as `run`."""

    class Stop(Tracker):
        """Asks the run to stop, as a scheduler does."""

        def train(self, record):
            if record["step"] == 5:
                os.kill(os.getpid(), signal.SIGTERM)

    dataset, _ = small_data(recipe)
    with tempfile.TemporaryDirectory() as folder:
        try:
            zoo.training.fit.fit(recipe, Path(folder) / "run", dataset=dataset, seed=3, trackers=[Stop()])
        except TrainingInterrupted:
            pass
        else:
            raise AssertionError("the run was not interrupted")
        return {"resumed run": result(zoo.training.fit.fit(recipe, Path(folder) / "run", dataset=dataset, seed=3))}


def result(of):
    """Returns a digest of the records, without times, and of the weights of a run."""
    timed = ("seconds", "images_per_second", "seconds_per_step")
    records = [{name: value for name, value in record.items() if name not in timed} for record in of.history]
    return digest(of.variables) + repr(records)


def text(step, *arguments):
    """Returns a digest of a lowered program."""
    return hashlib.sha256(step.lower(*arguments).as_text().encode()).hexdigest()


def digest(tree):
    """Returns a digest of a tree of arrays."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        found.update(np.ascontiguousarray(jax.device_get(leaf)))
    return found.hexdigest()
