"""Studies: one recipe varied in one respect, to be seen side by side. `python -m zoo.compare` trains them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError
from zoo.recipe.metric import METRIC_NAMES
from zoo.recipe.part import Part
from zoo.recipe.recipe import Recipe

START = "what the study trains first"


@dataclass(frozen=True)
class Study(Part):
    """What to compare, and what came of it.

    Attributes:
      title: the question, in a few words.
      base: the recipe that the variants change.
      variants: changes by dotted path, as `Recipe.override` takes them, by the variant's name; {} is the base itself.
      description: how it is asked; the docstring of the study's file.
      conclusion: what it shows, in two sentences; empty until it has been run.
      seeds: each variant is trained with the seeds 0 ... seeds - 1.
      start: a recipe that is trained before them, once, with seed 0; variants that go on from its weights have
        `Transfer(START)`, with START of this module.
      metric: that is looked at, "top1", "loss", "top5" or "balanced_accuracy": it is what the picture shows of
        evaluations, and the table shows it besides accuracy and loss.
    """

    title: str
    base: Recipe
    variants: Mapping[str, Mapping[str, Any]]
    description: str = ""
    conclusion: str = ""
    seeds: int = 3
    start: Recipe | None = None
    metric: str = "top1"

    def validate(self) -> None:
        self.require(bool(self.variants), "variants", "at least one")
        self.require(self.seeds > 0, "seeds", "positive")
        self.require(self.metric in METRIC_NAMES, "metric", f"one of {', '.join(METRIC_NAMES)}")
        going_on = [name for name, recipe in self.recipes().items() if goes_on(recipe)]
        if going_on and not self.start:
            raise ZooError(f"Study.start is None, and {going_on[0]!r} goes on from it")
        if self.start and not going_on:
            raise ZooError("Study.start: no variant goes on from it")
        names: dict[str, str] = {}
        for name, recipe in self.recipes().items():
            if recipe.fingerprint in names:
                raise ZooError(f"Study.variants: {name!r} and {names[recipe.fingerprint]!r} are the same recipe")
            names[recipe.fingerprint] = name

    def recipes(self) -> dict[str, Recipe]:
        """The variants' recipes by name.

        Raises:
          ZooError: a variant's changes do not fit; the message names the variant.
        """
        recipes = {}
        for name, changes in self.variants.items():
            try:
                recipes[name] = self.base.override(changes)
            except ZooError as error:
                raise ZooError(f"variant {name!r}: {error}") from None
        return recipes


def goes_on(recipe: Recipe) -> bool:
    """Whether a variant goes on from the weights of what its study trains first."""
    return recipe.transfer is not None and recipe.transfer.source == START
