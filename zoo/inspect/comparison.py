"""Comparison of a network's layer table with a user's own, to check a reimplementation."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from zoo.data.sources.table.delimited import quoted, read_delimited
from zoo.errors import ZooError, short
from zoo.files import check_file, expand
from zoo.inspect.summary import Row, Summary

MAX_TABLE_BYTES = 2**24
COLUMNS = {
    "name": ("name", "layer", "layer (type)", "layer name"),
    "shape": ("shape", "output_shape", "output shape", "output"),
    "params": ("params", "param #", "parameters", "param"),
}


class TheirRow(NamedTuple):
    """A layer of the user's table.

    Attributes:
      name: the user's name of the layer.
      shape: of its output, in pixels and channels, with or without the batch, channels last or first.
      params: trainable parameters.
    """

    name: str
    shape: tuple[int, ...]
    params: int


def read_table(path: str | Path) -> list[TheirRow]:
    """Reads a layer table: a text file with columns name, shape and params, or a JSON list of objects with these keys.

    Columns may be named as in Keras's summaries or as in the zoo's (`COLUMNS`); other columns are ignored. The
    separator is detected by `zoo.data.sources.table.delimited.read_delimited`. A shape is written as in "55x55x96",
    "(None, 55, 55, 96)" or, in JSON, as a list.

    Raises:
      ZooError: the file or one of its lines cannot be read.
    """
    path = expand(path)
    if path.suffix.lower() == ".json":
        check_file(path, MAX_TABLE_BYTES)
        try:
            rows = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise ZooError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
        rows = rows.get("rows") if isinstance(rows, dict) else rows  # as `python -m zoo.summarize --json` prints it
        if not isinstance(rows, list):
            raise ZooError(f"{path} has no layers: expected a JSON list of objects with name, shape and params")
        places = [f"layer {number}" for number in range(1, len(rows) + 1)]
    else:
        found = read_delimited(path, MAX_TABLE_BYTES)
        columns = _columns(path, found.header)
        rows = [{name: row[column] for name, column in columns.items()} for row in found.rows]
        places = [f"line {line}" for line in found.lines]
    if not rows:
        raise ZooError(f"{path} has no layers: expected columns name, shape and params, or a JSON list")
    return [_row(path, place, row) for place, row in zip(places, rows, strict=True)]


def _columns(path, header):
    """Returns the positions of the three columns in a header."""
    names = [name.casefold() for name in header]
    found = {
        ours: next((names.index(name) for name in theirs if name in names), None) for ours, theirs in COLUMNS.items()
    }
    if lacking := [name for name, column in found.items() if column is None]:
        raise ZooError(
            f"{path}: missing {'column' if len(lacking) == 1 else 'columns'} {' and '.join(lacking)}, found"
            f" {quoted(header)}: expected columns name, shape and params, separated by commas, semicolons, tabs or"
            " vertical bars"
        )
    return found


def _row(path, place, row):
    try:
        name, params = short(str(row["name"])), str(row["params"] or 0).strip()
        params = "0" if set(params) == {"-"} else params.removesuffix(".0")  # torchinfo's dash, and pandas' floats
        number = int(re.sub(r"(?<=\d)[,_. \u00a0'](?=\d{3}(?!\d))", "", params))
        if number < 0:
            raise ValueError(number)
        return TheirRow(name, _shape(row.get("shape", row.get("output_shape"))), number)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise ZooError(f"{path}, {place}: expected a name, a shape such as 55x55x96, and params") from None


def _shape(value):
    known = value if isinstance(value, list) else [value]
    if any(isinstance(each, float | bool | list | dict) for each in known):
        raise ValueError(value)
    numbers = value if isinstance(value, list) else re.findall(r"None|-?\d+", str(value))
    shape = tuple(int(number) for number in numbers if number not in (None, "None", "-1", -1))
    if not shape or min(shape) < 0:
        raise ValueError(value)
    return shape


def compare(summary: Summary, table: list[TheirRow]) -> tuple[list[tuple[Row | None, TheirRow | None]], int | None]:
    """Pairs the layers that have parameters, in order.

    Layers without parameters are skipped: frameworks disagree on which of them are layers, and their effect on the
    shape shows in the next layer.

    Returns:
      The pairs, with None where one side has no more layers; and the index of the first pair that differs in shape or
      parameters, or None.
    """
    ours, theirs = ([row for row in rows if row.params] for rows in (summary.rows, table))
    length = max(len(ours), len(theirs))
    padded = (rows + [None] * (length - len(rows)) for rows in (ours, theirs))
    pairs = list(zip(*padded, strict=True))
    return pairs, next((index for index, pair in enumerate(pairs) if not _same(*pair)), None)


def _same(ours, theirs):
    if ours is None or theirs is None or ours.params != theirs.params:
        return False
    shape = ours.output_shape
    channels_first = (shape[-1], *shape[:-1])
    # A batch dimension may come first.
    return any(
        theirs.shape[-len(shape) :] == form and len(theirs.shape) <= len(shape) + 1 for form in (shape, channels_first)
    )
