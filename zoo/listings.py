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
    table = _table("network", "year", "parameters", "MACs", "input", "classes", "paper", "recipes")
    for row in sorted(rows, key=lambda row: (row["year"], row["name"])):
        table.add_row(
            row["name"],
            str(row["year"]),
            f"{row['params']:,}",
            f"{row['macs']:,}",
            "x".join(map(str, row["input_shape"])),
            str(row["num_classes"]),
            row["paper"],
            ", ".join(row["recipes"]),
        )
    streams.make_console().print(table)


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
    table = _table("recipe", "network", "data", "length", "batch", "target", "description")
    for name, recipe in recipes.items():
        budget, target = recipe.budget, recipe.target
        length = f"{budget.steps:,} steps" if budget.steps else f"{budget.epochs:g} epochs"
        sign = ">=" if target and HIGHER_IS_BETTER[target.metric] else "<="
        goal = f"{METRIC_NAMES[target.metric]} {sign} {target.value:g}" if target else ""
        columns = recipe.model.name, recipe.data.source, length, str(budget.batch_size), goal, _description(name)
        table.add_row(name, *columns)
    streams.make_console().print(table)


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


def _table(*headings):
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        numeric = heading in ("parameters", "MACs", "classes", "length", "batch")
        table.add_column(heading, justify="right" if numeric else "left")
    return table


def _no_match(kind, pattern):
    return ZooError(f"{shown(pattern)}: no {kind} matches; omit the pattern to list all")
