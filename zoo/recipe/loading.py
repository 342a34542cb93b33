"""Finds recipes, and reads changes to them from the command line."""

import ast
import contextlib
import fnmatch
import importlib
import importlib.util
import itertools
import pkgutil
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, unknown
from zoo.recipe.part import build
from zoo.recipe.paths import type_at
from zoo.recipe.recipe import Recipe
from zoo.recipe.study import Study


def list_recipes(pattern: str = "*") -> list[str]:
    """Names of the recipes in `recipes/` that match a shell-style pattern, such as "*imagenette"."""
    import recipes

    return _modules(recipes, pattern)


def list_studies(pattern: str = "*") -> list[str]:
    """Names of the studies in `recipes/studies/` that match a shell-style pattern."""
    import recipes.studies

    return _modules(recipes.studies, pattern)


def _modules(package, pattern):
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
    return fnmatch.filter(names, pattern)


def load_recipe(name: str) -> Recipe:
    """Loads a recipe, which is a Python file with a constant `RECIPE`.

    Args:
      name: the name of a file in `recipes/`, the path of a .py file, or a dotted module.

    Raises:
      ZooError: there is no such recipe (the message names the nearest one), or the file cannot be run or has no `RECIPE`.
    """
    return _load(name, Recipe, "recipes", list_recipes)


def load_study(name: str) -> Study:
    """Loads a study, which is a Python file with a constant `STUDY`.

    Args:
      name: the name of a file in `recipes/studies/`, the path of a .py file, or a dotted module.

    Raises:
      ZooError: there is no such study (the message names the nearest one), or the file cannot be run or has no `STUDY`.
    """
    return _load(name, Study, "recipes.studies", list_studies)


def _load(name, cls, package, names):
    """The constant, called like its class in capitals, of a Python file."""
    kind = cls.__name__.lower()
    if name.endswith(".py"):
        if not Path(name).is_file():
            raise ZooError(f"there is no {kind} file {name!r}")
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        assert spec is not None and spec.loader is not None  # there is a loader for every name that ends in .py
        module = importlib.util.module_from_spec(spec)
        with _told_in_a_line(name, spec.origin):
            spec.loader.exec_module(module)
    elif "." in name or "/" in name:
        try:
            module = importlib.import_module(name)
        except (ModuleNotFoundError, TypeError) as error:  # TypeError: a name that begins with a dot
            raise ZooError(f"there is no {kind} module {name!r}: {error}") from None
    elif name in names():
        module = importlib.import_module(f"{package}.{name}")
    else:
        raise unknown(kind, name, names())
    found = getattr(module, kind.upper(), None)
    if not isinstance(found, cls):
        raise ZooError(
            f"{name}: a {kind} file has a constant {kind.upper()} = {cls.__name__}(...), and this one has none"
        )
    return found


@contextlib.contextmanager
def _told_in_a_line(name, path):
    """Whatever goes wrong in a file that somebody wrote, as an error that says where in it; `path` is what Python calls it."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1]
        message = error.msg if isinstance(error, SyntaxError) else error
        raise ZooError(f"{name}, line {line}: {type(error).__name__}: {message}") from error


def parse_changes(recipe: Recipe, assignments: Iterable[str]) -> dict[str, Any]:
    """Reads "path=value" texts for `Recipe.override`.

    Values are numbers, texts, None, true or false, lists, or parts by name, such as `HeNormal`, `Normal(0.01)` or `Cosine(peak=0.1)`.

    Raises:
      ZooError: a text is not of that form, or a path does not exist.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ZooError(f"--set={assignment}: it takes the form --set=path=value, such as --set=schedule.peak=0.02")
        hint = type_at(recipe, path)
        if hint == tuple[str, ...] and not text.lstrip().startswith(("(", "[")):
            changes[path] = tuple(
                part.strip() for part in text.split(",") if part.strip()
            )  # as in data.drop=name,ticket
        else:
            changes[path] = text if hint is str else _parse(text)
    return changes


def parse_variants(recipe: Recipe, sweeps: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Reads "path=value,value,..." texts for `Study.variants`: each value of each path with each of the others.

    Returns:
      Changes by the variant's name, such as "schedule.peak=0.1, optimizer.momentum=0.9".

    Raises:
      ZooError: as `parse_changes`; a path is given twice.
    """
    choices = {}
    for sweep in sweeps:
        path, equals, text = sweep.partition("=")
        if not equals or not path or not text:
            raise ZooError(
                f"--vary={sweep}: it takes the form --vary=path=value,value, as in --vary=schedule.peak=0.01,0.1"
            )
        if path in choices:
            raise ZooError(f"--vary={sweep}: {path} is varied already, give all its values at once")
        choices[path] = _values(text)
    variants = {}
    for values in itertools.product(*choices.values()):
        assignments = [f"{path}={value}" for path, value in zip(choices, values, strict=True)]
        variants[", ".join(assignments)] = parse_changes(recipe, assignments)
    return variants


def _values(text):
    """The texts between the commas that are not inside of brackets."""
    try:
        node = ast.parse(f"({text},)", mode="eval").body
    except SyntaxError:
        return text.split(",")
    if not isinstance(node, ast.Tuple):  # such as 1)+(2
        return text.split(",")
    return [ast.get_source_segment(f"({text},)", item) for item in node.elts]


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
        case ast.Call(func=ast.Name(id=name), args=values, keywords=keywords):
            fields = {keyword.arg: _value(keyword.value) for keyword in keywords if keyword.arg}
            if len(fields) < len(keywords):
                raise ValueError("**mapping, or a field twice")
            return build(name, fields, *map(_value, values))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True)}
    return ast.literal_eval(node)
