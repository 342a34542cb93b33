"""Reference runs, so that verification decides on accelerators too."""

import functools
from typing import Any

import jax

import zoo
from verification.accelerator.unit import Settings
from verification.convergence import make_reference
from verification.ledger import read_ledger
from zoo.catalog import list_recipes
from zoo.data.sources import open_data
from zoo.training.experiment import Experiment
from zoo.training.prepare import prepare

SEEDS = 16
LONG = ("resnet18_cifar10", "resnet20_cifar10", "wrn_16_4_cifar10", "densenet_bc_100_12_cifar10")
LONG_SEEDS = 5


def short_runs(settings: Settings) -> tuple[str, ...]:
    """Runs of all recipes that are verified on CPUs, one seed after the other: "RECIPE, seed N"."""
    if settings.rehearse:
        return ("lenet5, seed 0",)
    names = [name for name in list_recipes() if _runs_on_cpus(name) and _has_data(name, settings)]
    return tuple(f"{name}, seed {seed}" for name in names if name not in LONG for seed in range(SEEDS))


def long_runs(settings: Settings) -> tuple[str, ...]:
    """Runs of the recipes on CIFAR-10 that take minutes, the first seed of each first; none without the images."""
    if "cifar10" not in settings.data:
        return ()
    return tuple(f"{name}, seed {seed}" for seed in range(LONG_SEEDS) for name in LONG)


def _runs_on_cpus(name):
    return bool(read_ledger(name, zoo.load_recipe(name), "cpu"))


def _has_data(name, settings):
    source = zoo.load_recipe(name).data.source
    return not source.startswith(("tfds:", "folder:", "csv:")) or source.partition(":")[2] in settings.data


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Makes one reference run; the result is a line of the ledger, and its `platform`."""
    name, _, seed = unit.partition(", seed ")
    experiment = _experiment(name, settings.rehearse, tuple(settings.data.items()))
    return {"platform": jax.default_backend(), **make_reference(name, experiment, int(seed))}


@functools.lru_cache(maxsize=len(LONG))  # compiled programs and images on the device take memory
def _experiment(name: str, rehearse: bool, data: tuple[tuple[str, str], ...]) -> Experiment:
    recipe = zoo.load_recipe(name)
    if rehearse:
        recipe = recipe.override({"budget.steps": 4, "budget.evaluate_every": 1.0, "target": None})
    where = dict(data).get(recipe.data.source.partition(":")[2])
    return prepare(recipe, open_data(recipe.data, where))
