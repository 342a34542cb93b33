"""All checks of a recipe, cheapest first."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import jax

import zoo.data.sources
from verification import SEED
from verification.architecture import check_architecture
from verification.check import Check, Group
from verification.convergence import MIN_RUNS, check_convergence, too_few_runs
from verification.convergence.first_steps import check_first_steps
from verification.devices import mesh_of_runs
from verification.fingerprint import check_fingerprint
from verification.initialization import check_initialization
from verification.ledger import read_first_steps, read_ledger, seconds
from verification.step import check_step
from verification.synthetic_data import with_synthetic_data
from verification.traces import check_traces
from zoo.catalog import load_recipe
from zoo.errors import DataNotPrepared, ZooError
from zoo.recipe import Recipe
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

GROUPS = ("architecture", "initialization", "traces", "step", "fingerprint", "convergence")
QUICK_SECONDS = 20.0


def check_recipe(
    name: str,
    groups: Sequence[str] = GROUPS,
    seed: int = SEED,
    trackers: Sequence[Tracker] = (),
    tier: Literal["quick", "full"] = "full",
    data: str | None = None,
) -> Iterator[Check]:
    """Checks a recipe and its network.

    Args:
      name: name of the recipe.
      groups: the groups of checks to run.
      seed: seed of the run under test.
      trackers: trackers of that run.
      tier: "quick" trains only recipes that take less than `QUICK_SECONDS`.
      data: location of the data set, if it differs from the recipe's.

    Raises:
      ZooError: there is no recipe of this name.
    """
    recipe = load_recipe(name)
    if "architecture" in groups:
        yield from check_architecture(recipe.model.name)
    if set(groups) <= {"architecture"}:
        return
    platform, skipped = jax.default_backend(), None
    try:
        try:
            dataset = zoo.data.sources.open_data(recipe.data, data)
            if tier == "quick":
                skipped = skip_training(name, recipe, platform)
        except DataNotPrepared as error:
            recipe, dataset = with_synthetic_data(recipe)
            skipped = Group(name, "convergence").skip("target", f"not run here: {error}")
        if skipped and set(groups) <= {"architecture", "convergence"}:
            yield skipped
            return
        trains = "convergence" in groups and not skipped
        experiment = prepare(recipe, dataset, mesh=mesh_of_runs(), decode_ahead=trains)
    except ZooError as error:
        yield Group(name, "traces").check("preparation", False, str(error))
        return
    if "initialization" in groups:
        yield from check_initialization(name, experiment, seed)
    if "traces" in groups:
        yield from check_traces(name, experiment)
    if "step" in groups:
        yield from check_step(name, experiment, seed, thorough=tier == "full")
    if "fingerprint" in groups:
        yield from check_fingerprint(name, experiment, platform)
    if "convergence" not in groups:
        return
    if skipped:
        yield skipped
    elif runs := only_first_steps(name, recipe, platform):
        yield from check_first_steps(name, experiment, runs, seed, trackers)
    else:
        yield from check_convergence(name, experiment, platform, seed, trackers)


def only_first_steps(name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """Returns the ledger's runs of first steps, if there are enough of them for bands but too few complete runs."""
    partial = read_first_steps(name, recipe, platform)
    complete = read_ledger(name, recipe, platform)
    return partial if len(complete) < MIN_RUNS <= len(partial) else []


def skip_training(name: str, recipe: Recipe, platform: str) -> Check | None:
    """Returns the check that the quick tier yields instead of training; None if the recipe is quick enough."""
    group = Group(name, "convergence")
    runs = only_first_steps(name, recipe, platform) or read_ledger(name, recipe, platform)
    if len(runs) < MIN_RUNS:
        return group.undecided("bands", too_few_runs(name, runs, platform))
    if (took := seconds(runs, recipe)) > QUICK_SECONDS:
        return group.skip("target", f"takes {took:.0f} s; run it with --tier=full or --recipe={name}")
    return None
