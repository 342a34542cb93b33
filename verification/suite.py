"""All checks of a network or a recipe, in the order of what they cost."""

from collections.abc import Iterator, Sequence

import jax
import numpy as np

import zoo.data.sources
from verification.architecture import check_architecture
from verification.check import Check, Group
from verification.convergence import check_convergence
from verification.initialization import check_initialization
from verification.traces import check_traces
from zoo.data.sources import ArraySplit, Dataset
from zoo.errors import ZooError
from zoo.recipe import Recipe, load_recipe
from zoo.training.experiment import prepare
from zoo.training.tracking import Tracker

GROUPS = ("architecture", "initialization", "traces", "convergence")
SEED = 1000  # of the runs that are judged; ledgers hold small seeds


def check_recipe(
    name: str, groups: Sequence[str] = GROUPS, seed: int = SEED, trackers: Sequence[Tracker] = ()
) -> Iterator[Check]:
    """Checks a recipe and its network.

    Args:
      name: of the recipe.
      groups: which groups of checks to make.
      seed: of the run that is judged.
      trackers: are told of that run.
    """
    recipe = load_recipe(name)
    if "architecture" in groups:
        yield from check_architecture(recipe.model.name)
    if set(groups) == {"architecture"}:
        return
    dataset, missing = open_dataset(recipe)
    experiment = prepare(recipe, dataset)
    if "initialization" in groups:
        yield from check_initialization(name, experiment, seed)
    if "traces" in groups:
        yield from check_traces(name, experiment)
    if "convergence" in groups:
        if missing:
            yield Group(name, "convergence").skip("target", f"not run here: {missing}")
        else:
            yield from check_convergence(name, recipe, dataset, jax.default_backend(), seed, trackers)


def open_dataset(recipe: Recipe) -> tuple[Dataset, str | None]:
    """The recipe's data; or, with the reason, random pixels of the same kind where it is not at hand."""
    try:
        return zoo.data.sources.open_source(recipe.data.source), None
    except ZooError as error:
        if not recipe.model.num_classes:
            raise
        random = np.random.default_rng(0)
        classes = recipe.model.num_classes

        def split():
            images = random.integers(0, 256, (recipe.budget.batch_size, 288, 320, 3), np.uint8)
            return ArraySplit(images, random.integers(0, classes, len(images)).astype(np.int32), "random pixels")

        names = tuple(f"class {number}" for number in range(classes))
        return Dataset("random pixels", split(), split(), names, channels=3), str(error)
