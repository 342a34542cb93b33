"""Reference runs for the ledgers of accelerators."""

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
    """Returns the pieces "RECIPE, seed N" of all short recipes with reference runs on CPUs, by recipe."""
    if settings.rehearse:
        return ("lenet5, seed 0",)
    names = [name for name in list_recipes() if _has_cpu_runs(name) and _has_data(name, settings)]
    return tuple(f"{name}, seed {seed}" for name in names if name not in LONG for seed in range(SEEDS))


def long_runs(settings: Settings) -> tuple[str, ...]:
    """Returns the pieces of the CIFAR-10 recipes that take minutes, by seed; none without CIFAR-10."""
    if "cifar10" not in settings.data:
        return ()
    return tuple(f"{name}, seed {seed}" for seed in range(LONG_SEEDS) for name in LONG)


def _has_cpu_runs(name):
    return bool(read_ledger(name, zoo.load_recipe(name), "cpu"))


def _has_data(name, settings):
    source = zoo.load_recipe(name).data.source
    return not source.startswith(("tfds:", "folder:", "csv:")) or source.partition(":")[2] in settings.data


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Makes a reference run; returns its ledger entry and `platform`."""
    name, _, seed = unit.partition(", seed ")
    experiment = _experiment(name, settings.rehearse, tuple(settings.data.items()))
    return {"platform": jax.default_backend(), **make_reference(name, experiment, int(seed))}


@functools.lru_cache(maxsize=len(LONG))  # limited, as compiled programs and images use device memory
def _experiment(name: str, rehearse: bool, data: tuple[tuple[str, str], ...]) -> Experiment:
    recipe = zoo.load_recipe(name)
    if rehearse:
        recipe = recipe.override({"budget.steps": 4, "budget.evaluate_every": 1.0, "target": None})
    where = dict(data).get(recipe.data.source.partition(":")[2])
    return prepare(recipe, open_data(recipe.data, where))
