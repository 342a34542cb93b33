"""The recipes and studies that ship with the zoo, and loading of recipe and study files."""

import contextlib
import fnmatch
import importlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path

from zoo.errors import ZooError, printable, reason, shown, unknown
from zoo.paths import RECIPES
from zoo.recipe.recipe import Recipe
from zoo.recipe.study import Study

INSTALLED_PACKAGE = "_recipes_of_the_zoo"  # in sys.modules, so that another package named `recipes` is not replaced


def list_recipes(pattern: str = "*") -> list[str]:
    """Returns the names of the recipes in `recipes/` that match a shell-style pattern, such as "*imagenette"."""
    return _modules(RECIPES, pattern)


def list_studies(pattern: str = "*") -> list[str]:
    """Returns the names of the studies in `recipes/studies/` that match a shell-style pattern."""
    return _modules(RECIPES / "studies", pattern)


def _modules(folder, pattern):
    names = sorted(path.stem for path in folder.glob("*.py") if path.name != "__init__.py")
    return fnmatch.filter(names, pattern)


def _import_installed(name):
    """Imports a module of the zoo's own `recipes`; `import recipes` would prefer a folder of that name on the path."""
    if INSTALLED_PACKAGE not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            INSTALLED_PACKAGE, RECIPES / "__init__.py", submodule_search_locations=[str(RECIPES)]
        )
        assert spec is not None and spec.loader is not None  # there is a loader for every name that ends in .py
        package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        sys.modules[INSTALLED_PACKAGE] = package
    return importlib.import_module(f"{INSTALLED_PACKAGE}{name}")


def load_recipe(name: str) -> Recipe:
    """Loads a recipe, which is a Python file with a constant `RECIPE`.

    Args:
      name: the name of a file in `recipes/`, the path of a .py file, or a dotted module.

    Raises:
      ZooError: there is no such recipe (the message names the nearest one), or the file cannot be run or has no
        `RECIPE`.
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


def load_object(name: str, kind: str) -> object:
    """Loads an object of a user's own from a Python file or module, such as the class of a network.

    Args:
      name: "FILE.py:NAME" or "PACKAGE.MODULE.NAME".
      kind: what it is, for the messages, such as "network".

    Raises:
      ZooError: there is no such file, module or name, or the file cannot be run.
    """
    place, _, attribute = name.rpartition(":" if ".py:" in name else ".")
    if not place or not attribute.isidentifier():
        raise ZooError(f"unknown {kind} {shown(name)}: expected FILE.py:NAME or MODULE.NAME, such as mypackage.MyNet")
    module = _import_file(place, kind) if place.endswith(".py") else _import_module(place, kind)
    if not hasattr(module, attribute):
        public = [each for each in vars(module) if not each.startswith("_")]
        raise unknown(f"name in {printable(place)}", attribute, public)
    return getattr(module, attribute)


def _import_file(name, kind):
    """Imports the file of a user at a path that ends in .py."""
    if not os.path.isfile(name):
        raise ZooError(f"there is no {kind} file {shown(name)}")
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    assert spec is not None and spec.loader is not None  # there is a loader for every name that ends in .py
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up annotations that are text in the module of their class.
    known = sys.modules.setdefault(spec.name, module)
    try:
        with _errors_as_one_line(name, spec.origin):
            spec.loader.exec_module(module)
    finally:
        if known is module:
            del sys.modules[spec.name]
    return module


def _import_module(name, kind):
    """Imports a dotted module."""
    try:
        with _errors_as_one_line(name, None):
            return importlib.import_module(name)
    except ZooError as error:
        cause = error.__cause__
        lacking = isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}.")
        if cause is not None and (lacking or name.startswith(".")):
            raise ZooError(f"there is no {kind} module {shown(name)}: {reason(cause)}") from None
        raise


def _load(name, cls, package, names):
    """Returns the constant `RECIPE` or `STUDY`, an instance of `cls`, of a Python file or module."""
    kind = cls.__name__.lower()
    if name.endswith(".py"):
        module = _import_file(name, kind)
    elif "." in name or "/" in name:
        module = _import_module(name, kind)
    elif name in names():
        module = _import_installed(f"{package}.{name}")
    else:
        raise unknown(kind, name, names())
    found = getattr(module, kind.upper(), None)
    if not isinstance(found, cls):
        raise ZooError(
            f"{printable(name)}: expected a {kind} file with a constant {kind.upper()} = {cls.__name__}(...)"
        )
    return found


@contextlib.contextmanager
def _errors_as_one_line(name, path):
    """Turns any error in a user's file into a one-line `ZooError` with the file and line.

    `path` is the file name in tracebacks; None if that is unknown before the import.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # including SystemExit: a recipe file must not end the program
        place, named = _place(error, name, path), f"{type(error).__name__}: "
        if isinstance(error, SystemExit):
            said = f"SystemExit: the file exits the program with status {shown(error.code)}"
        elif isinstance(error, SyntaxError):
            said = f"{named}{printable(error.msg)}"
        else:
            said = str(error) if isinstance(error, ZooError) else f"{named}{reason(error)}"
        raise ZooError(f"{place}: {said}") from error


def _place(error, name, path):
    """Returns the file and line that an error came from, as "FILE, line N"."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{printable(name if error.filename == path else error.filename)}, line {error.lineno or 1}"
    frames = traceback.extract_tb(error.__traceback__)
    if path is None:  # the first frame outside of the zoo and importlib: the file, or one that imports it
        others = (str(RECIPES.parent / "zoo"), os.path.dirname(importlib.__file__), "<")
        path = next((frame.filename for frame in frames if not frame.filename.startswith(others)), None)
        name = path or name
    lines = [frame.lineno for frame in frames if frame.filename == path]
    return f"{printable(name)}, line {lines[-1]}" if lines else printable(name)
