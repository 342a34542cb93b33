"""Differences of a recipe from a built-in one, field by field."""

from collections.abc import Collection

from zoo.catalog import list_recipes, load_recipe
from zoo.recipe import Recipe

# Fields that do not influence training.
IRRELEVANT = ("target", "budget.interim_examples")


def differing_fields(recipe: Recipe, reference: Recipe, but: Collection[str] = ()) -> list[str]:
    """Returns a line for each field that differs, such as "schedule.peak is 0.06, reference 0.02".

    Args:
      recipe: the recipe under test.
      reference: the recipe to compare with.
      but: dotted paths to leave out, with everything below, besides those that do not influence training.
    """
    left_out = (*IRRELEVANT, *but)
    ours, theirs = (
        {
            path: value
            for path, value in each.flat().items()
            if not any(path == name or path.startswith(f"{name}.") for name in left_out)
        }
        for each in (recipe, reference)
    )
    return [
        f"{path} is {_shown(ours, path)}, reference {_shown(theirs, path)}"
        for path in {**ours, **theirs}
        if ours.get(path, ours) != theirs.get(path, theirs)
    ]


def _shown(values, path):
    return values.get(path, "missing")


def nearest_recipe(recipe: Recipe) -> str | None:
    """Returns the built-in recipe of the same network and data with the fewest differing fields, or None."""
    candidates = {name: load_recipe(name) for name in list_recipes()}
    alike = {
        name: len(differing_fields(recipe, other))
        for name, other in candidates.items()
        if (other.model.name, other.data.source) == (recipe.model.name, recipe.data.source)
    }
    return min(alike, key=alike.__getitem__, default=None)
