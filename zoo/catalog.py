"""Finds recipes, and reads changes to them from the command line."""

import contextlib
import fnmatch
import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
from pathlib import Path

from zoo.errors import ZooError, printable, reason, shown, unknown
from zoo.paths import RECIPES
from zoo.recipe.recipe import Recipe
from zoo.recipe.study import Study

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
