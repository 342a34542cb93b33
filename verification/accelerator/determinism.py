"""Checks that the accelerator is bitwise deterministic, and that interrupted or parallel runs train alike."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import zoo
from verification.accelerator.unit import Settings
from zoo import parallel
from zoo.data.pipeline import training_batches
from zoo.data.sources import open_data
from zoo.errors import TrainingInterrupted
from zoo.layers import MaxPool
from zoo.recipe import Recipe
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

STEPS = 40
TESTS = ("tests/layers/test_layers.py", "tests/layers/test_convolution.py")


def units(settings: Settings) -> tuple[str, ...]:
    """Returns the names of the pieces."""
    return (
        "max pool",
        "step of bn_cnn",
        "pmap",
        "resume",
        *([] if settings.rehearse else ["step of resnet18", "tests of layers"]),
    )


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Runs one of `units`; the result has `agrees`, and the difference if it is measured."""
    if unit.startswith("step of "):
        return _step(unit.removeprefix("step of "))
    measures: dict[str, Callable] = {
        "max pool": _max_pool,
        "pmap": _pmap,
        "resume": _resume,
        "tests of layers": _tests_of_layers,
    }
    return measures[unit]()


def _same(one, other):
    return all(map(np.array_equal, jax.tree.leaves(jax.device_get(one)), jax.tree.leaves(jax.device_get(other))))


def _max_pool():
    """Computes the gradient of a max pool with overlapping windows twice; gradients of shared maxima are added."""
    images = jax.random.normal(jax.random.key(0), (32, 55, 55, 96))
    pool = MaxPool(3, 2)
    gradient = jax.jit(jax.grad(lambda images: (pool.apply({}, images) ** 2).sum()))
    return {"agrees": _same(gradient(images), gradient(images))}


def _step(name):
    """Runs a training step twice from the same state and batch."""
    recipe = _on_bundled_data(zoo.load_recipe(name))
    experiment = prepare(recipe, open_data(recipe.data))
    batch = next(training_batches(experiment.train_pipeline, recipe.budget.batch_size, seed=0))
    constants, batch = experiment.constants(experiment.train_pipeline), parallel.shard_batch(batch, experiment.mesh)
    one, other = (experiment.train_step(experiment.initial_state(0), constants, batch) for _ in range(2))
    return {"agrees": _same(one, other)}


def _short():
    """Returns a recipe of some steps with batch normalization, and enough evaluations for its plateau schedule."""
    return zoo.load_recipe("bn_cnn").override({"budget.steps": STEPS, "budget.evaluate_every": 0.1, "target": None})


def _on_bundled_data(recipe: Recipe) -> Recipe:
    """Returns the recipe with Fashion-MNIST, which is part of the package, as its data."""
    return recipe if recipe.data.source == "fashion_mnist" else recipe.override({"data.source": "fashion_mnist"})


def _losses(result):
    return [record["loss"] for record in result.history if record["kind"] == "train"]


def _pmap():
    """Compares runs with `jit(shard_map)`, with `pmap`, and with several steps per program."""
    runs = {
        "shard_map": zoo.fit(_short()),
        "pmap": zoo.fit(_short(), strategy="pmap"),
        "several steps": zoo.fit(_short(), steps_per_execution=0),
    }
    losses = {name: np.array(_losses(run)) for name, run in runs.items()}
    apart = {
        name: float(np.abs(values - losses["shard_map"]).max())
        for name, values in losses.items()
        if name != "shard_map"
    }
    return {"agrees": max(apart.values()) <= 1e-3 * float(np.abs(losses["shard_map"]).max()), "apart": apart}


class SignalAt(Tracker):
    """Sends SIGTERM to this process after the given step."""

    def __init__(self, step):
        self.step = step

    def train(self, record):
        if record["step"] == self.step:
            signal.raise_signal(signal.SIGTERM)


def _resume():
    """Compares a run that is interrupted and resumed with an uninterrupted one."""
    with tempfile.TemporaryDirectory() as folder:
        whole = zoo.fit(_short(), Path(folder, "whole"))
        with contextlib.suppress(TrainingInterrupted):
            zoo.fit(_short(), Path(folder, "parts"), trackers=[SignalAt(STEPS // 2 + 3)])
        parts = zoo.fit(_short(), Path(folder, "parts"))
    same = _same(whole.variables, parts.variables) and _losses(whole) == _losses(parts)
    apart = [
        float(jnp.abs(one - other).max())
        for one, other in zip(jax.tree.leaves(whole.variables), jax.tree.leaves(parts.variables), strict=True)
    ]
    return {"agrees": same, "apart": max(apart)}


def _tests_of_layers():
    """Runs the project's tests of layers, if they are available."""
    root = Path(__file__).resolve().parents[2]
    if not all((root / name).exists() for name in TESTS):
        return {"agrees": None, "left out": "the tests are not installed"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS]
    child = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return {"agrees": child.returncode == 0, "last lines": child.stdout.splitlines()[-12:]}
