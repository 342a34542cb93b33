"""Holds a network's layer table against one of the user's own: is my network the real one?"""

import csv
import json
import re
from pathlib import Path
from typing import NamedTuple

from zoo.errors import ZooError
from zoo.summary import Row, Summary


class TheirRow(NamedTuple):
    """A layer of the user's table.

    Attributes:
      name: whatever they call it.
      shape: of its output, in pixels and channels, with or without the batch, channels last or first.
      params: trainable parameters.
    """

    name: str
    shape: tuple[int, ...]
    params: int


def read_table(path: str | Path) -> list[TheirRow]:
    """Reads a layer table: CSV with the columns name, shape and params, or JSON, a list of objects with these keys.

    A shape is written as in "55x55x96", "(None, 55, 55, 96)" or, in JSON, as a list.

    Raises:
      ZooError: the file cannot be read, or a line of it cannot.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if path.suffix == ".json" else list(csv.DictReader(text.splitlines()))
    except OSError as error:
        raise ZooError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ZooError(f"{path} cannot be read: {error}") from None
    rows = rows.get("rows") if isinstance(rows, dict) else rows  # as `python -m zoo.summarize --json` prints it
    if not rows:
        raise ZooError(f"{path} has no layers; it takes CSV with the columns name, shape and params, or a JSON list")
    table = []
    for number, row in enumerate(rows, start=1):
        try:
            params = int(str(row["params"] or 0).replace(",", "").replace("_", ""))
            table.append(TheirRow(str(row["name"]), _shape(row.get("shape", row.get("output_shape"))), params))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ZooError(f"{path}, layer {number}: it needs a name, a shape such as 55x55x96, and params") from None
    return table


def _shape(value):
    numbers = value if isinstance(value, list) else re.findall(r"None|-?\d+", str(value))
    shape = tuple(int(number) for number in numbers if number not in (None, "None", "-1", -1))
    if not shape:
        raise ValueError(value)
    return shape


def compare(summary: Summary, table: list[TheirRow]) -> tuple[list[tuple[Row | None, TheirRow | None]], int | None]:
    """Pairs the layers that have parameters, in their order.

    Layers without parameters are left out: frameworks do not agree on which of them are layers, and what they do to the
    shape is seen at the next one.

    Returns:
      The pairs, None where one side has no more layers; and the index of the first pair that differs in shape or
      parameters, None if there is none.
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
    # A batch of one or more may come first.
    return any(
        theirs.shape[-len(shape) :] == form and len(theirs.shape) <= len(shape) + 1 for form in (shape, channels_first)
    )
