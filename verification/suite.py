"""All checks of a recipe, in the order of what they cost."""

from collections.abc import Iterator, Sequence

import jax

import zoo.data.sources
from verification import SEED
from verification.architecture import check_architecture
from verification.check import Check, Group
from verification.convergence import check_convergence
from verification.initialization import check_initialization
from verification.stand_in import stand_in
from verification.traces import check_traces
from zoo.errors import DataNotPrepared, ZooError
from zoo.recipe import load_recipe
from zoo.training.experiment import prepare
from zoo.training.stopping import SkippedImages
from zoo.training.tracking import Tracker

GROUPS = ("architecture", "initialization", "traces", "convergence")


def check_recipe(
    name: str, groups: Sequence[str] = GROUPS, seed: int = SEED, trackers: Sequence[Tracker] = ()
) -> Iterator[Check]:
    """Checks a recipe and its network.

    Args:
      name: of the recipe.
      groups: which groups of checks to make.
      seed: of the run that is judged.
      trackers: are told of that run.

    Raises:
      ZooError: there is no such recipe.
    """
    recipe = load_recipe(name)
    if "architecture" in groups:
        yield from check_architecture(recipe.model.name)
    if set(groups) <= {"architecture"}:
        return
    missing = None
    try:
        try:
            dataset = zoo.data.sources.open_source(recipe.data.source, recipe.data.label)
        except DataNotPrepared as error:
            dataset, missing = stand_in(recipe), str(error)
        experiment = prepare(recipe, dataset, on_corrupt=SkippedImages(recipe.data.corrupt_limit, None))
    except ZooError as error:
        yield Group(name, "traces").check("preparation", False, str(error))
        return
    if "initialization" in groups:
        yield from check_initialization(name, experiment, seed)
    if "traces" in groups:
        yield from check_traces(name, experiment)
    if "convergence" in groups:
        if missing:
            yield Group(name, "convergence").skip("target", f"not run here: {missing}")
        else:
            yield from check_convergence(name, experiment, jax.default_backend(), seed, trackers)
