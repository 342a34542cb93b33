"""Tables of the networks and recipes of the zoo, for the terminal and as JSON; JAX is not imported."""

import ast
import json
from typing import Any

from absl import flags

from zoo import streams
from zoo.catalog import list_recipes, load_recipe
from zoo.errors import ZooError, shown
from zoo.models.listing import list_networks, listing
from zoo.paths import RECIPES
from zoo.recipe import Recipe
from zoo.recipe.metric import HIGHER_IS_BETTER, METRIC_NAMES

MORE = "--json has all"


def define_list_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of the programs that list names."""
    flags.DEFINE_string(
        "filter",
        "*",
        "Shell-style pattern of the names to list; the same as an argument without a name.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool("json", False, "Print JSON instead of a table.", flag_values=flag_values)


def print_networks(pattern: str, *, as_json: bool) -> None:
    """Prints the networks whose names match a shell-style pattern.

    Raises:
      ZooError: no network matches.
    """
    names = list_networks(pattern)
    if not names:
        raise _no_match("network", pattern)
    recipes: dict[str, list[str]] = {}
    for recipe in list_recipes():
        recipes.setdefault(load_recipe(recipe).model.name, []).append(recipe)
    rows = [{"name": name, **listing()[name]._asdict(), "recipes": recipes.get(name, [])} for name in names]
    if as_json:
        print(json.dumps(rows))
        return
    from zoo.console import Column, print_table

    rows.sort(key=lambda row: (row["year"], row["name"]))
    columns = (
        Column("network", [row["name"] for row in rows]),
        Column("year", [str(row["year"]) for row in rows]),
        Column("parameters", [f"{row['params']:,}" for row in rows], numeric=True),
        Column("MACs", [f"{row['macs']:,}" for row in rows], numeric=True, needed=4),
        Column("input", ["x".join(map(str, row["input_shape"])) for row in rows], needed=3),
        Column("classes", [str(row["num_classes"]) for row in rows], numeric=True, needed=1),
        Column("paper", [row["paper"] for row in rows], wraps=True, needed=2),
        Column("recipes", [", ".join(row["recipes"]) for row in rows], wraps=True, needed=5),
    )
    print_table(streams.make_console(), columns, more=MORE)


def print_recipes(pattern: str, *, as_json: bool) -> None:
    """Prints the recipes whose names match a shell-style pattern.

    Raises:
      ZooError: no recipe matches.
    """
    names = list_recipes(pattern)
    if not names:
        raise _no_match("recipe", pattern)
    recipes = {name: load_recipe(name) for name in names}
    if as_json:
        print(json.dumps([_to_json(name, recipe) for name, recipe in recipes.items()]))
        return
    from zoo.console import Column, print_table

    columns = (
        Column("recipe", list(recipes)),
        Column("network", [recipe.model.name for recipe in recipes.values()], needed=2),
        Column("data", [recipe.data.source for recipe in recipes.values()], needed=3),
        Column("length", [_length(recipe) for recipe in recipes.values()], numeric=True),
        Column("batch", [str(recipe.budget.batch_size) for recipe in recipes.values()], numeric=True, needed=1),
        Column("target", [_target(recipe) for recipe in recipes.values()], needed=5),
        Column("description", [_description(name) for name in recipes], wraps=True, needed=4),
    )
    print_table(streams.make_console(), columns, more=MORE)


def _length(recipe):
    budget = recipe.budget
    return f"{budget.steps:,} steps" if budget.steps else f"{budget.epochs:g} epochs"


def _target(recipe):
    target = recipe.target
    if not target:
        return ""
    return f"{METRIC_NAMES[target.metric]} {'>=' if HIGHER_IS_BETTER[target.metric] else '<='} {target.value:g}"


def _to_json(name: str, recipe: Recipe) -> dict[str, Any]:
    return {
        "name": name,
        "fingerprint": recipe.fingerprint,
        "model": recipe.model.name,
        "data": recipe.data.source,
        "steps": recipe.budget.steps,
        "epochs": recipe.budget.epochs,
        "batch_size": recipe.budget.batch_size,
        "target": recipe.target.to_json() if recipe.target else None,
        "description": _description(name),
    }


def _description(recipe_name: str) -> str:
    """Returns the first sentence of a recipe's docstring."""
    docstring = ast.get_docstring(ast.parse((RECIPES / f"{recipe_name}.py").read_text(encoding="utf-8")))
    return (docstring or "").split("\n\n")[0].replace("\n", " ")


def _no_match(kind, pattern):
    return ZooError(f"{shown(pattern)}: no {kind} matches; omit the pattern to list all")
