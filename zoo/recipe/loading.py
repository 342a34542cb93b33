"""Finds recipes, and reads changes to them from the command line."""

import ast
import fnmatch
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, unknown
from zoo.recipe.part import build
from zoo.recipe.paths import type_at
from zoo.recipe.recipe import Recipe


def list_recipes(pattern: str = "*") -> list[str]:
    """Names of the recipes in `recipes/` that match a shell-style pattern, such as "*imagenette"."""
    import recipes

    names = sorted(module.name for module in pkgutil.iter_modules(recipes.__path__) if not module.ispkg)
    return fnmatch.filter(names, pattern)


def load_recipe(name: str) -> Recipe:
    """Loads a recipe, which is a Python file with a constant `RECIPE`.

    Args:
      name: the name of a file in `recipes/`, the path of a .py file, or a dotted module.

    Raises:
      ZooError: there is no such recipe (the message names the nearest one), or the file has no `RECIPE`.
    """
    if name.endswith(".py"):
        if not Path(name).is_file():
            raise ZooError(f"there is no recipe file {name!r}")
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    elif "." in name or "/" in name:
        try:
            module = importlib.import_module(name)
        except (ModuleNotFoundError, TypeError) as error:  # TypeError: a name that begins with a dot
            raise ZooError(f"there is no recipe module {name!r}: {error}") from None
    elif name in list_recipes():
        module = importlib.import_module(f"recipes.{name}")
    else:
        raise unknown("recipe", name, list_recipes())
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise ZooError(f"{name}: a recipe file has a constant RECIPE = Recipe(...), and this one has none")
    return recipe


def parse_changes(recipe: Recipe, assignments: Iterable[str]) -> dict[str, Any]:
    """Reads "path=value" texts for `Recipe.override`.

    Values are numbers, texts, None, true or false, lists, or parts by name, such as `HeNormal` or `Cosine(peak=0.1)`.

    Raises:
      ZooError: a text is not of that form, or a path does not exist.
    """
    changes = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ZooError(f"--set={assignment}: it takes the form --set=path=value, such as --set=schedule.peak=0.02")
        hint = type_at(recipe, path)
        changes[path] = text if hint is str else _parse(text)
    return changes


def _parse(text):
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        return text


def _value(node):
    """The value of a literal, or the part that a name or a call with literal arguments stands for."""
    match node:
        case ast.Name(id="true" | "false"):
            return node.id == "true"
        case ast.Name(id=name) if name[:1].isupper():
            return build(name, {})
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
            return build(name, {keyword.arg: _value(keyword.value) for keyword in keywords})
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True)}
    return ast.literal_eval(node)
