"""The digest of the code that decides a run: the modules of `zoo` that its training and evaluation import."""

import ast
import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.models.registry import find_entry
from zoo.recipe import Recipe

ROOT = Path(zoo.__file__).parent
ROOTS = ("zoo.training.fit", "zoo.training.loop", "zoo.training.prepare", "zoo.training.evaluation")

# Modules that report, check or store, and do not decide a number of a run. Each stands for its package too.
UNDECIDING = (
    "zoo.errors",
    "zoo.files",
    "zoo.interfaces",
    "zoo.json_files",
    "zoo.paths",
    "zoo.picture_files",
    "zoo.data.array_checks",
    "zoo.data.identity",
    "zoo.data.inspection",
    "zoo.data.names",
    "zoo.data.report",
    "zoo.models.layout",
    "zoo.recipe.assignments",
    "zoo.recipe.overrides",
    "zoo.recipe.part",
    "zoo.recipe.provenance",
    "zoo.recipe.study",
    "zoo.recipe.validation",
    "zoo.training.diagnosis",
    "zoo.training.interruption",
    "zoo.training.notebook",
    "zoo.training.run",
    "zoo.training.throughput",
    "zoo.training.tracking",
)

# Modules that only some recipes use: the start of `data.source`, or the field, of those that do.
SOURCES = {"zoo.data.sources.folder": "folder:", "zoo.data.sources.table": "csv:", "zoo.data.sources.tfds": "tfds:"}
SOURCES |= {"zoo.data.sources.synthetic": "synthetic:", "zoo.data.sources.fashion_mnist": "fashion_mnist"}
OPTIONAL = {"zoo.weights": "transfer", "zoo.data.imbalance": "imbalance"}

# Fields of the syntax tree without influence on a run, or that only some versions of Python have.
IGNORED_FIELDS = {"annotation", "returns", "kind", "type_comment", "type_ignores", "type_params", "ctx"}


def code_digest(recipe: Recipe, root: Path = ROOT) -> str:
    """Returns the digest, 12 hexadecimal digits, of the code that decides the runs of a recipe.

    It covers the network's module and the modules of `zoo` that training and evaluation import, except those that only
    report, check or store. Comments, docstrings, annotations, error messages and layout do not count, and it does not
    depend on the version of Python. What the recipe itself says is in its fingerprint.

    Args:
      recipe: of one of the zoo's networks.
      root: folder of the package `zoo`.
    """
    digest = hashlib.sha256()
    for module in modules_of(recipe, root):
        digest.update(f"{module}\n{_what_counts(_text(root, module))}\n".encode())
    return digest.hexdigest()[:12]


def modules_of(recipe: Recipe, root: Path = ROOT) -> list[str]:
    """Returns the names of the modules that decide the runs of a recipe, in alphabetical order."""
    unused = [module for module, start in SOURCES.items() if not recipe.data.source.startswith(start)]
    unused += [module for module, field in OPTIONAL.items() if getattr(recipe, field) is None]
    left_out = (*UNDECIDING, *unused)
    found, pending = set(), [*ROOTS, find_entry(recipe.model.name).module.__module__]
    while pending:
        module = pending.pop()
        if module not in found and not any(f"{module}.".startswith(f"{each}.") for each in left_out):
            found.add(module)
            pending += [_origin(root, *imported) for imported in _imports(_text(root, module))]
    return sorted(found)


def other_code(runs: Sequence[dict[str, Any]], recipe: Recipe) -> list[dict[str, Any]]:
    """Returns the runs of a ledger that other code than the present made, or that do not say which."""
    present = code_digest(recipe)
    return [run for run in runs if run.get("code") != present]


def stale(
    runs: Sequence[dict[str, Any]], recipe: Recipe, losses: dict[int, Sequence[float]], tolerance: float
) -> list[dict[str, Any]]:
    """Returns the runs of a ledger that the present code does not repeat.

    Other code alone does not make a run stale, since most changes change no number: the first losses of the present
    code with the same seed must differ from the recorded ones, too.

    Args:
      runs: from the ledger.
      recipe: of the runs.
      losses: the first training losses of the present code, by seed; runs with other seeds are not judged.
      tolerance: relative difference of a loss that healthy runs stay below within these steps.
    """
    return [run for run in other_code(runs, recipe) if _differs(run, losses.get(run["seed"]), tolerance)]


def _differs(run, losses, tolerance):
    if losses is None:
        return False
    recorded = np.asarray(run["first"]["loss"] if "first" in run else run["train_loss"])[: len(losses)]
    present = np.asarray(losses)[: len(recorded)]
    return bool(np.any(~(np.abs(present - recorded) <= tolerance * np.abs(recorded))))


def _file(root: Path, module: str) -> Path | None:
    """The file of a module of `zoo`, or None if there is no such module."""
    path = root.joinpath(*module.split(".")[1:])
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


def _text(root: Path, module: str) -> str:
    file = _file(root, module)
    assert file is not None, module
    return file.read_text(encoding="utf-8")


@functools.cache
def _imports(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs (module, name) of the imports from `zoo` in a source text, anywhere in it."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return tuple(
        (node.module, alias.name) for node in nodes if f"{node.module}.".startswith("zoo.") for alias in node.names
    )


def _origin(root: Path, module: str, name: str) -> str:
    """The module that defines what `from module import name` imports, also where a package passes a name on."""
    if _file(root, f"{module}.{name}"):
        return f"{module}.{name}"
    for source, imported in _imports(_text(root, module)):
        if imported == name:
            return _origin(root, source, name)
    return module


@functools.cache
def _what_counts(text: str) -> str:
    """The part of a source text that can influence a run."""
    return " ".join(_normalized(ast.parse(text)))


def _normalized(node: Any) -> Iterator[str]:
    """Yields the parts of a syntax tree that can influence a run."""
    if isinstance(node, list):
        yield "["
        for each in node:
            if not _is_text(each):
                yield from _normalized(each)
        yield "]"
    elif isinstance(node, ast.Raise):  # the message of an error
        yield "Raise"
    elif isinstance(node, ast.AST):
        yield type(node).__name__
        for field, value in ast.iter_fields(node):
            if field not in IGNORED_FIELDS and value is not None and value != []:
                yield field
                yield from _normalized(value)
    else:
        yield repr(node)


def _is_text(node):
    """Whether a statement is only a string: a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
