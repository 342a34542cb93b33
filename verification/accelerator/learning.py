"""Repeated runs of `resnet9_cifar10_fast`, for accuracy and training time."""

import functools
import time
from typing import Any

import zoo
from verification.accelerator.unit import Settings
from zoo.data.sources import open_data
from zoo.training.experiment import Experiment
from zoo.training.fit import fit
from zoo.training.prepare import prepare

RECIPE = "resnet9_cifar10_fast"
SEEDS = 20


def units(settings: Settings) -> tuple[str, ...]:
    """Returns a piece per seed; none without CIFAR-10, except in a rehearsal, which uses Fashion-MNIST."""
    if settings.rehearse:
        return ("seed 0", "seed 1")
    return tuple(f"seed {seed}" for seed in range(SEEDS)) if "cifar10" in settings.data else ()


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Trains one run, all steps of which are one compiled program, and evaluates it.

    Returns:
      `top1`; `training_seconds`, from the first batch to the last metrics, including compilation for the first run of a
      process (`first`); and `seconds` in total, including initialization and evaluation.
    """
    first = _experiment.cache_info().currsize == 0
    experiment = _experiment(settings.rehearse, settings.data.get("cifar10"))
    started = time.perf_counter()
    result = fit(experiment.recipe, seed=int(unit.removeprefix("seed ")), experiment=experiment)
    seconds = time.perf_counter() - started
    trained = [record for record in result.history if record["kind"] == "train"]
    budget = experiment.recipe.budget
    return {
        "first": first,
        "top1": result.metrics.get("top1"),
        "loss": result.metrics.get("loss"),
        "converged": result.verdict.converged,
        "explanation": result.verdict.explanation,
        "steps": len(trained),
        "training_seconds": len(trained) * budget.batch_size / trained[-1]["images_per_second"],
        "seconds": seconds,
    }


@functools.cache
def _experiment(rehearse: bool, data: str | None) -> Experiment:
    changes: dict[str, Any] = {"budget.evaluate_every": 1.0}
    if rehearse:
        changes |= {"budget.epochs": None, "budget.steps": 3, "budget.batch_size": 16, "model.name": "lenet5"}
        changes |= {"data.source": "fashion_mnist", "target": None}
    recipe = zoo.load_recipe(RECIPE).override(changes)
    dataset = open_data(recipe.data, None if rehearse else data)
    return prepare(recipe, dataset, steps_per_execution=0)
