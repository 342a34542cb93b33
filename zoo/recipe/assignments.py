"""Parsing of command-line overrides of a recipe, such as `schedule.peak=0.02`."""

import ast
import itertools
import re
from collections.abc import Iterable
from typing import Any

from zoo.errors import MAX_SHOWN_LENGTH, ZooError, printable, shown
from zoo.recipe.overrides import current_path, type_at
from zoo.recipe.part import build
from zoo.recipe.recipe import Recipe

# Raised by `ast` for strings that are not literals or are nested too deeply; TypeError: a mapping as a key.
PARSE_ERRORS = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)


def parse_changes(recipe: Recipe, assignments: Iterable[str]) -> dict[str, Any]:
    """Parses "path=value" strings into changes for `Recipe.override`.

    Values are numbers, strings, None, true or false, lists, or parts by name, such as `HeNormal`, `Normal(0.01)` or
    `Cosine(peak=0.1)`.

    Raises:
      ZooError: a string is not of that form, or a path does not exist.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ZooError(f"--set={_cut(assignment)}: expected --set=PATH=VALUE, such as --set=schedule.peak=0.02")
        path = current_path(recipe, path)
        hint = type_at(recipe, path)
        if hint == tuple[str, ...] and not text.lstrip().startswith(("(", "[")):
            # A list of strings without brackets, such as data.drop=name,ticket.
            changes[path] = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            changes[path] = text if hint is str else _parse(text)
    return changes


def parse_variants(recipe: Recipe, sweeps: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Parses "path=value,value,..." strings into `Study.variants`: the Cartesian product of the values of all paths.

    Returns:
      Changes by the variant's name, such as "schedule.peak=0.1, optimizer.momentum=0.9".

    Raises:
      ZooError: as `parse_changes`, or a path or a value is given twice.
    """
    choices = {}
    for sweep in sweeps:
        path, equals, text = sweep.partition("=")
        if not equals or not path or not text:
            raise ZooError(
                f"--vary={_cut(sweep)}: expected --vary=PATH=VALUE,..., such as --vary=schedule.peak=0.01,0.1"
            )
        path = current_path(recipe, path)
        if path in choices:
            raise ZooError(f"--vary={_cut(sweep)}: {printable(path)} is given twice; list all its values in one --vary")
        choices[path] = values = _values(text)
        if twice := [value for value in values if values.count(value) > 1]:
            raise ZooError(f"--vary={_cut(sweep)}: {shown(twice[0])} is given twice")
    variants = {}
    for values in itertools.product(*choices.values()):
        assignments = [f"{path}={value}" for path, value in zip(choices, values, strict=True)]
        variants[", ".join(assignments)] = parse_changes(recipe, assignments)
    return variants


def _cut(text):
    """Returns an argument on one line, cut if it is long, without the quotes of `shown`."""
    return shown(text[:MAX_SHOWN_LENGTH])[1:-1] + ("..." if len(text) > MAX_SHOWN_LENGTH else "")


def _values(text):
    """Splits a string at the commas outside of brackets."""
    try:
        node = ast.parse(f"({text},)", mode="eval").body
    except PARSE_ERRORS:
        return text.split(",")
    if not isinstance(node, ast.Tuple):  # such as 1)+(2
        return text.split(",")
    return [ast.get_source_segment(f"({text},)", item) for item in node.elts]


def _parse(text):
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if re.search(r"\d_\d", text) and any(_has_underscore(node, text.strip()) for node in ast.walk(tree)):
            raise ZooError(f"{shown(text)}: numbers must not contain underscores")
        return _value(tree.body)
    except PARSE_ERRORS:
        return text


def _has_underscore(node, text):
    """Whether a node is a number such as 1_0, which Python reads as 10 but which is more likely a typo."""
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float, complex):
        return False
    return "_" in (ast.get_source_segment(text, node) or "")


def _value(node):
    """Returns the value of a literal, or the part built from a name or a call with literal arguments."""
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
