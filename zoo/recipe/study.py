"""Studies: comparisons of variants of one recipe, trained by `python -m zoo.compare`."""

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
    """A comparison of variants of a recipe, and its conclusion.

    Attributes:
      title: the subject, in a few words.
      base: the recipe that the variants change.
      variants: changes of each variant, by its name, as in `Recipe.override`; {} is the base itself.
      description: the setup; the docstring of the study's file.
      conclusion: the result, in two sentences; empty before the study has been run.
      seeds: number of runs of each variant, with seeds 0 to seeds - 1.
      start: a recipe that is trained once before the variants, with seed 0. Variants that start from its weights have
        `Transfer(START)`, with `START` from this module.
      metric: "top1", "loss", "top5" or "balanced_accuracy": the metric of evaluations in the plot, and an additional
        column of the table.
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
        fine_tuned = [name for name, recipe in self.recipes().items() if goes_on(recipe)]
        if fine_tuned and not self.start:
            raise ZooError(f"Study.start is None, but {fine_tuned[0]!r} starts from its weights")
        if self.start and not fine_tuned:
            raise ZooError("Study.start: no variant starts from its weights")
        names: dict[str, str] = {}
        for name, recipe in self.recipes().items():
            if recipe.fingerprint in names:
                raise ZooError(f"Study.variants: {name!r} and {names[recipe.fingerprint]!r} are the same recipe")
            names[recipe.fingerprint] = name

    def recipes(self) -> dict[str, Recipe]:
        """Returns the recipe of each variant by name.

        Raises:
          ZooError: a variant's changes are invalid; the message names the variant.
        """
        recipes = {}
        for name, changes in self.variants.items():
            try:
                recipes[name] = self.base.override(changes)
            except ZooError as error:
                raise ZooError(f"variant {name!r}: {error}") from None
        return recipes


def goes_on(recipe: Recipe) -> bool:
    """Whether a variant starts from the weights of its study's `start`."""
    return recipe.transfer is not None and recipe.transfer.source == START
