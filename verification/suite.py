"""All checks of a recipe, in the order of what they cost."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import jax

import zoo.data.sources
from verification import SEED
from verification.architecture import check_architecture
from verification.check import Check, Group
from verification.convergence import FEWEST_RUNS, check_convergence, too_few
from verification.convergence.first_steps import check_first_steps
from verification.initialization import check_initialization
from verification.ledger import read_first_steps, read_ledger, seconds
from verification.synthetic_data import with_stand_in
from verification.traces import check_traces
from zoo.catalog import load_recipe
from zoo.errors import DataNotPrepared, ZooError
from zoo.recipe import Recipe
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

GROUPS = ("architecture", "initialization", "traces", "convergence")
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
      name: of the recipe.
      groups: which groups of checks to make.
      seed: of the run that is judged.
      trackers: are told of that run.
      tier: "quick" trains only what takes less than `QUICK_SECONDS`.
      data: where the recipe's data set is, if not where the recipe says.

    Raises:
      ZooError: there is no such recipe.
    """
    recipe = load_recipe(name)
    if "architecture" in groups:
        yield from check_architecture(recipe.model.name)
    if set(groups) <= {"architecture"}:
        return
    platform, left_out = jax.default_backend(), None
    try:
        try:
            dataset = zoo.data.sources.open_data(recipe.data, data)
            if tier == "quick":
                left_out = leave_out(name, recipe, platform)
        except DataNotPrepared as error:
            recipe, dataset = with_stand_in(recipe)
            left_out = Group(name, "convergence").skip("target", f"not run here: {error}")
        if left_out and set(groups) <= {"architecture", "convergence"}:
            yield left_out
            return
        trains = "convergence" in groups and not left_out
        experiment = prepare(recipe, dataset, decode_ahead=trains)
    except ZooError as error:
        yield Group(name, "traces").check("preparation", False, str(error))
        return
    if "initialization" in groups:
        yield from check_initialization(name, experiment, seed)
    if "traces" in groups:
        yield from check_traces(name, experiment)
    if "convergence" not in groups:
        return
    if left_out:
        yield left_out
    elif begun := begun_alone(name, recipe, platform):
        yield from check_first_steps(name, experiment, begun, seed, trackers)
    else:
        yield from check_convergence(name, experiment, platform, seed, trackers)


def begun_alone(name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """The beginnings of runs in the ledger, if they are enough for bands and there are not enough whole runs."""
    begun = read_first_steps(name, recipe, platform)
    whole = read_ledger(name, recipe, platform)
    return begun if len(whole) < FEWEST_RUNS <= len(begun) else []


def leave_out(name: str, recipe: Recipe, platform: str) -> Check | None:
    """What the quick tier says instead of training; None if it trains."""
    group = Group(name, "convergence")
    runs = begun_alone(name, recipe, platform) or read_ledger(name, recipe, platform)
    if len(runs) < FEWEST_RUNS:
        return group.undecided("bands", too_few(name, runs, platform))
    if (took := seconds(runs, recipe)) > QUICK_SECONDS:
        return group.skip("target", f"takes {took:.0f} s; --tier=full or --recipe={name} makes this check")
    return None
