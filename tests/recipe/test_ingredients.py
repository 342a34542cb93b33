"""Test that every part of recipes is used by a recipe or study that ships with the project."""

import zoo.recipe
from zoo.catalog import list_recipes, list_studies, load_recipe, load_study
from zoo.recipe import Study
from zoo.recipe.part import Part


def kinds_in(value):
    """Returns the names of all parts in the output of `Part.to_json`."""
    if isinstance(value, dict):
        own = {value["kind"]} if "kind" in value else set()
        return own.union(*(kinds_in(item) for item in value.values()))
    return set().union(*map(kinds_in, value)) if isinstance(value, list) else set()


def test_every_part_is_used_by_a_recipe_or_a_study():
    recipes = [load_recipe(name) for name in list_recipes()]
    for name in list_studies():
        recipes += load_study(name).recipes().values()
    used = set().union(*(kinds_in(recipe.to_json()) for recipe in recipes))
    public = (getattr(zoo.recipe, name) for name in zoo.recipe.__all__)
    parts = {part.__name__ for part in public if isinstance(part, type) and issubclass(part, Part)} - {Study.__name__}
    assert parts - used == set()
