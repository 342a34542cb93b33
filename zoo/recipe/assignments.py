"""Changes to a recipe, read from texts as a command line has them, such as `schedule.peak=0.02`."""

import ast
import itertools
import re
from collections.abc import Iterable
from typing import Any

from zoo.errors import LONGEST_ECHO, ZooError, printable, shown
from zoo.recipe.overrides import type_at
from zoo.recipe.part import build
from zoo.recipe.recipe import Recipe

# What Python raises for a text that is no value, or is nested deeper than it can read; TypeError: a mapping as a key.
NOT_PYTHON = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)


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
