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
    "bn_cnn": load_recipe("bn_cnn").override({**SHORT, "schedule.patience": 1}),
    "weighted": load_recipe("verification.faults.bases.weighted").override({**SHORT, "early_stopping.patience": 1}),
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
    "alexnet": load_recipe("alexnet").override(
        {
            **SHORT, "model.options.hidden": 32, "augmentation.train.0.size": 67, "augmentation.eval.0.size": 67,
        }
    ),
}  # fmt: skip

# Subjects whose mistakes are in the loop on the host, so that only a run shows them.
RUN = ("evaluation", "stopping", "resuming", "averaging", "schedule")


def recipe_for(fault: Fault) -> Recipe:
    """Returns the first recipe to which a fault applies."""
    return next(recipe for recipe in RECIPES.values() if fault.applies(recipe))


def observe(recipe: Recipe, subject: str = "") -> dict[str, str]:
    """Returns digests of everything that a fault may change, by name; runs are included for the subjects in `RUN`."""
    whole = zoo.data.sources.open_data(recipe.data)
    dataset = dataclasses.replace(
        whole,
        **{
            name: dataclasses.replace(split, images=split.images[:count], labels=split.labels[:count], lines=None)
            for name, split, count in (("train", whole.train, 1000), ("eval", whole.eval, 200))
        },
    )
    experiment = prepare(recipe, dataset)
    state = experiment.initial_state(1)
    found = {
        "data": digest((dataset.train.images, dataset.train.labels, dataset.eval.images, dataset.eval.labels)),
        "selection": digest((experiment.dataset.train.labels, experiment.class_weights, experiment.statistics)),
        "split sizes": str((len(whole.train), len(whole.eval))),
        "initial state": digest(state) + digest(experiment.initial_state(2)),
    }
    orders = [(seed, host, hosts) for seed in (0, 1) for host, hosts in ((0, 1), (1, 2))]
    size = recipe.budget.batch_size
    for seed, host, hosts in orders:
        batches = training_batches(experiment.train_pipeline, size, seed=seed, host=host, hosts=hosts)
        found[f"order {seed} {host}"] = digest([next(batches).index for _ in range(130)])
    batch = next(training_batches(experiment.train_pipeline, size, seed=0))
    constants = experiment.constants(experiment.train_pipeline)
    found["training step"] = text(experiment.train_step, state, constants, batch)
    variables = state.evaluated
    found["evaluation step"] = text(
        experiment.eval_step, variables, experiment.constants(experiment.eval_pipeline), batch
    )
    if subject in RUN:
        found["run"] = run(recipe, dataset)
    if subject == "resuming":
        found["resumed run"] = resumed(recipe, dataset)
    return found


def run(recipe, dataset):
    """Trains, and returns a digest of records and weights."""
    return result(zoo.training.fit.fit(recipe, dataset=dataset, seed=3))


def result(of):
    """Returns a digest of the records, without times, and of the weights of a run."""
    timed = ("seconds", "images_per_second", "seconds_per_step")
    records = [{name: value for name, value in record.items() if name not in timed} for record in of.history]
    return digest(of.variables) + repr(records)


def resumed(recipe, dataset):
    """Trains, interrupted after five steps, and returns a digest as `run` does."""

    class Stop(Tracker):
        def train(self, record):
            if record["step"] == 5:
                os.kill(os.getpid(), signal.SIGTERM)

    with tempfile.TemporaryDirectory() as folder:
        try:
            zoo.training.fit.fit(recipe, Path(folder) / "run", dataset=dataset, seed=3, trackers=[Stop()])
        except TrainingInterrupted:
            pass
        else:
            raise AssertionError("the run was not interrupted")
        return result(zoo.training.fit.fit(recipe, Path(folder) / "run", dataset=dataset, seed=3))


def text(step, *arguments):
    """Returns a digest of a lowered program."""
    return hashlib.sha256(step.lower(*arguments).as_text().encode()).hexdigest()


def digest(tree):
    """Returns a digest of a tree of arrays."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        found.update(np.ascontiguousarray(jax.device_get(leaf)))
    return found.hexdigest()
