"""Finds recipes, and reads changes to them from the command line."""

import ast
import contextlib
import fnmatch
import importlib
import importlib.util
import itertools
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.errors import LONGEST_ECHO, ZooError, printable, reason, shown, unknown
from zoo.paths import RECIPES
from zoo.recipe.part import build
from zoo.recipe.paths import type_at
from zoo.recipe.recipe import Recipe
from zoo.recipe.study import Study

# What Python raises for a text that is no value, or is nested deeper than it can read; TypeError: a mapping as a key.
NOT_PYTHON = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)
INSTALLED = "_recipes_of_the_zoo"  # what Python knows the package by, so that another `recipes` stays what it is


def list_recipes(pattern: str = "*") -> list[str]:
    """Names of the recipes in `recipes/` that match a shell-style pattern, such as "*imagenette"."""
    return _modules(RECIPES, pattern)


def list_studies(pattern: str = "*") -> list[str]:
    """Names of the studies in `recipes/studies/` that match a shell-style pattern."""
    return _modules(RECIPES / "studies", pattern)


def _modules(folder, pattern):
    names = sorted(module.name for module in pkgutil.iter_modules([str(folder)]) if not module.ispkg)
    return fnmatch.filter(names, pattern)


def _import_installed(name):
    """A module of the `recipes` that belong to this zoo. `import recipes` would take those of the current folder."""
    if INSTALLED not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            INSTALLED, RECIPES / "__init__.py", submodule_search_locations=[str(RECIPES)]
        )
        assert spec is not None and spec.loader is not None  # there is a loader for every name that ends in .py
        package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        sys.modules[INSTALLED] = package
    return importlib.import_module(f"{INSTALLED}{name}")


def load_recipe(name: str) -> Recipe:
    """Loads a recipe, which is a Python file with a constant `RECIPE`.

    Args:
      name: the name of a file in `recipes/`, the path of a .py file, or a dotted module.

    Raises:
      ZooError: there is no such recipe (the message names the nearest one), or the file cannot be run or has no `RECIPE`.
    """
    return _load(name, Recipe, "", list_recipes)


def load_study(name: str) -> Study:
    """Loads a study, which is a Python file with a constant `STUDY`.

    Args:
      name: the name of a file in `recipes/studies/`, the path of a .py file, or a dotted module.

    Raises:
      ZooError: there is no such study (the message names the nearest one), or the file cannot be run or has no `STUDY`.
    """
    return _load(name, Study, ".studies", list_studies)


def _load(name, cls, package, names):
    """The constant, called like its class in capitals, of a Python file."""
    kind = cls.__name__.lower()
    if name.endswith(".py"):
        if not os.path.isfile(name):
            raise ZooError(f"there is no {kind} file {shown(name)}")
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        assert spec is not None and spec.loader is not None  # there is a loader for every name that ends in .py
        module = importlib.util.module_from_spec(spec)
        with _told_in_a_line(name, spec.origin):
            spec.loader.exec_module(module)
    elif "." in name or "/" in name:
        try:
            with _told_in_a_line(name, None):
                module = importlib.import_module(name)
        except ZooError as error:
            cause = error.__cause__
            lacking = isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}.")
            if cause is not None and (lacking or name.startswith(".")):
                raise ZooError(f"there is no {kind} module {shown(name)}: {reason(cause)}") from None
            raise
    elif name in names():
        module = _import_installed(f"{package}.{name}")
    else:
        raise unknown(kind, name, names())
    found = getattr(module, kind.upper(), None)
    if not isinstance(found, cls):
        raise ZooError(
            f"{printable(name)}: a {kind} file has a constant {kind.upper()} = {cls.__name__}(...), and this one has none"
        )
    return found


@contextlib.contextmanager
def _told_in_a_line(name, path):
    """Whatever goes wrong in a file that somebody wrote, as an error that says where in it.

    `path` is what Python calls the file; None if that is not known before it is imported.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a file that ends the program has trained nothing
        place, named = _place(error, name, path), f"{type(error).__name__}: "
        if isinstance(error, SystemExit):
            said = f"it ends the program, with the status {shown(error.code)}"
        elif isinstance(error, SyntaxError):
            said = f"{named}{printable(error.msg)}"
        else:
            said = str(error) if isinstance(error, ZooError) else f"{named}{reason(error)}"
        raise ZooError(f"{place}: {said}") from error


def _place(error, name, path):
    """The file and the line in it where an error came from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{printable(name if error.filename == path else error.filename)}, line {error.lineno or 1}"
    frames = traceback.extract_tb(error.__traceback__)
    if path is None:  # the first that is neither the zoo's nor Python's way to import: the file, or one that imports it
        others = (str(RECIPES.parent / "zoo"), os.path.dirname(importlib.__file__), "<")
        path = next((frame.filename for frame in frames if not frame.filename.startswith(others)), None)
        name = path or name
    lines = [frame.lineno for frame in frames if frame.filename == path]
    return f"{printable(name)}, line {lines[-1]}" if lines else printable(name)


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
            raise ZooError(
                f"--set={_cut(assignment)}: it takes the form --set=path=value, such as --set=schedule.peak=0.02"
            )
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
                f"--vary={_cut(sweep)}: it takes the form --vary=path=value,value, as in --vary=schedule.peak=0.01,0.1"
            )
        if path in choices:
            raise ZooError(f"--vary={_cut(sweep)}: {printable(path)} is varied already, give all its values at once")
        choices[path] = values = _values(text)
        if twice := [value for value in values if values.count(value) > 1]:
            raise ZooError(f"--vary={_cut(sweep)}: {shown(twice[0])} is there twice")
    variants = {}
    for values in itertools.product(*choices.values()):
        assignments = [f"{path}={value}" for path, value in zip(choices, values, strict=True)]
        variants[", ".join(assignments)] = parse_changes(recipe, assignments)
    return variants


def _cut(text):
    """An argument as one line, of a long one the beginning, without the quotes of `shown`."""
    return shown(text[:LONGEST_ECHO])[1:-1] + ("..." if len(text) > LONGEST_ECHO else "")


def _values(text):
    """The texts between the commas that are not inside of brackets."""
    try:
        node = ast.parse(f"({text},)", mode="eval").body
    except NOT_PYTHON:
        return text.split(",")
    if not isinstance(node, ast.Tuple):  # such as 1)+(2
        return text.split(",")
    return [ast.get_source_segment(f"({text},)", item) for item in node.elts]


def _parse(text):
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if re.search(r"\d_\d", text) and any(_has_underscore(node, text.strip()) for node in ast.walk(tree)):
            raise ZooError(f"{shown(text)}: a number is written without _")
        return _value(tree.body)
    except NOT_PYTHON:
        return text


def _has_underscore(node, text):
    """Whether a node is a number like 1_0, which Python takes for 10 and which is a slip of the pen rather."""
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float, complex):
        return False
    return "_" in (ast.get_source_segment(text, node) or "")


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
