"""Reads tables from one file or two, as text, and removes uninformative columns."""

import collections
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.sources.table.columns import (
    has_decimal_commas,
    has_distinct_integers,
    has_grouping_points,
    is_index,
    is_number,
)
from zoo.data.sources.table.delimited import quoted, read_delimited
from zoo.errors import ZooError, shown, unknown

EVAL_NAMES = ("val", "valid", "validation", "test")  # of evaluation tables in a folder


@dataclass(frozen=True)
class Table:
    """The cells of a file, or of a part of it, as text.

    Attributes:
      path: path of the file.
      header: names of the columns.
      rows: cells of each row, as many as there are columns.
      lines: int [rows], the line number that each row ends on.
      notes: assumptions and omissions, one per line.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: np.ndarray
    notes: tuple[str, ...] = ()

    def cells(self, column: int) -> list[str]:
        return [row[column] for row in self.rows]


def read_tables(spec: str, root: Path) -> tuple[Table, Table | None]:
    """Reads the training and the evaluation table; None for the latter if it is to be held out from the former."""
    if not os.path.isdir(root):  # unlike Path.is_dir, returns False for names that are too long
        return _read(root), None
    evaluation = next((name for name in EVAL_NAMES if (root / f"{name}.csv").is_file()), None)
    if not (root / "train.csv").is_file() or evaluation is None:
        raise ZooError(f"{spec}: expected train.csv and one of {', '.join(EVAL_NAMES)}.csv in the folder")
    train, held_out = _read(root / "train.csv"), _read(root / f"{evaluation}.csv")
    place = {name: column for column, name in enumerate(held_out.header)}
    missing = [name for name in train.header if name not in place]
    surplus = sorted(place.keys() - set(train.header), key=held_out.header.index)
    if missing or surplus or len(train.header) != len(held_out.header):
        what = [f"missing {quoted(missing)}"] * bool(missing) + [f"unexpected {quoted(surplus)}"] * bool(surplus)
        raise ZooError(f"{held_out.path} has other columns than {train.path}: {', '.join(what) or 'some are repeated'}")
    order = [place[name] for name in train.header]
    rows = [[row[column] for column in order] for row in held_out.rows]
    notes = train.notes + held_out.notes
    return dataclasses.replace(train, notes=notes), dataclasses.replace(held_out, header=train.header, rows=rows)


def read_one(spec: str, root: Path, split: str) -> Table:
    """Reads the single table for `split`, see `zoo.data.sources.table.open_table`."""
    if not os.path.isdir(root):
        if split != "whole":
            raise ZooError(f"{spec} is a single table without splits: leave out the split {split!r}")
        return _read(root)
    names = {"val": EVAL_NAMES[:-1], "test": EVAL_NAMES[-1:], "train": ("train",), "whole": (*EVAL_NAMES, "train")}[
        split
    ]
    found = [root / f"{name}.csv" for name in names if (root / f"{name}.csv").is_file()]
    if not found:
        raise ZooError(f"{spec}: {' or '.join(f'{name}.csv' for name in names)} not found in the folder")
    return _read(found[0])


def _read(path):
    found = read_delimited(path)
    header, rows, notes = found.header, found.rows, list(found.notes)
    if len(header) < 2:
        raise ZooError(
            f"{path} has only one column, {shown(header[0])}: expected columns separated by commas, semicolons, tabs or"
            " vertical bars"
        )
    if not rows:
        raise ZooError(f"{path} has no rows below the header")
    # Unnamed columns may be numbered 0, 1, 2, ... by a program; other numbers mean that the header is missing.
    numbers = [name for name in header if is_number(name)]
    if numbers not in ([], [str(i) for i in range(len(numbers))], [str(i + 1) for i in range(len(numbers))]) or len(
        numbers
    ) == len(header):
        raise ZooError(
            f"{path}: the first line must be a header with a name for each column, but it is {quoted(header)}"
        )
    named = [column for column, name in enumerate(header) if name and name not in numbers]
    again = [column for column in named if any(row[column] == header[column] for row in rows)]
    if 2 * len(again) > len(named):  # a file of texts without a header, or two concatenated files
        line = next(line for row, line in zip(rows, found.lines, strict=True) if row[again[0]] == header[again[0]])
        raise ZooError(
            f"{path}: the first line, and only the first, must be a header with a name for each column, but its"
            f" {quoted([header[column] for column in again])} occur in other lines, such as line {line}"
        )
    if found.delimiter != ",":
        commas = {column for column in range(len(header)) if has_decimal_commas([row[column] for row in rows])}
        if commas:
            for column in set(range(len(header))) - commas:
                if has_grouping_points(cells := [row[column] for row in rows]):
                    raise ZooError(
                        f"{path}: column {shown(header[column])} has numbers such as"
                        f" {min(cell for cell in cells if '.' in cell)}, but other columns have decimal commas: remove"
                        " the points if they separate thousands, else write 1,234 for 1.234"
                    )
            notes.append(
                f"{path}: numbers have decimal commas in {quoted([header[column] for column in sorted(commas)])}"
            )
            rows = [
                [cell.replace(",", ".") if column in commas else cell for column, cell in enumerate(row)]
                for row in rows
            ]
    return Table(path, header, rows, np.array(found.lines), tuple(notes))


def as_trained(
    spec: str, table: Table, label: str | None, feature_names: Sequence[str], *, has_class: bool = True
) -> Table:
    """Selects the columns that a network was trained on, in that order, and the class; a note lists the other columns.

    Args:
      spec: name of the table in the note.
      table: the table to evaluate on.
      label: column with the class; None for the last one.
      feature_names: names of numeric columns, and "column=value" for each value of a text column.
      has_class: whether the table has a column with the class.
    """
    order = {name: number for number, name in reversed(list(enumerate(feature_names)))}
    for number, name in reversed(list(enumerate(feature_names))):
        order.setdefault(name.partition("=")[0], number)
    target = None
    if has_class:
        target = len(table.header) - 1 if label is None else table.header.index(label)
    found = [column for column, name in enumerate(table.header) if column != target and name in order]
    kept = [*sorted(found, key=lambda column: order[table.header[column]])]
    kept += [] if target is None else [target]
    others = [name for column, name in enumerate(table.header) if column not in kept]
    note = f"{spec}: left out columns that the network was not trained on: {quoted(others)}"
    return dataclasses.replace(
        table,
        header=[table.header[column] for column in kept],
        rows=[[row[column] for column in kept] for row in table.rows],
        notes=(*table.notes, *([note] if others else [])),
    )


def without_columns(spec: str, tables: Sequence[Table], label: str | None, drop: Sequence[str]) -> list[Table]:
    """Removes the columns in `drop`, and those that are uninformative in the first table."""
    first = tables[0]
    for name in drop:
        if name not in first.header:
            raise unknown(f"column in data.drop of {spec}", name, first.header)
    kept, notes = [], list(first.notes)
    for column, name in enumerate(first.header):
        cells = first.cells(column)
        if name in drop:
            notes.append(f"{spec}: column {shown(name)} is left out because of data.drop")
        elif name == label:
            kept.append(column)
        elif is_index(name, cells):
            described = f"column {shown(name)}" if name else f"column {column + 1}, which has no name,"
            notes.append(f"{spec}: {described} only numbers the lines and is left out")
        elif not name and not any(cells):
            notes.append(f"{spec}: column {column + 1} has neither a name nor values and is left out")
        elif not name:
            raise ZooError(f"{first.path}: column {column + 1} has no name: add one in the first line")
        else:
            kept.append(column)
            if has_distinct_integers(cells):
                notes.append(
                    f"{spec}: column {shown(name)} has a different integer in every line: if it is an identifier, leave"
                    f" it out with data.drop={name}"
                )
    header = [first.header[column] for column in kept]
    if repeated := [name for name, count in collections.Counter(header).items() if count > 1]:
        raise ZooError(
            f"{first.path}: the first line must be a header of distinct names, but {quoted(repeated)} is repeated"
        )
    if len(header) < 2:
        raise ZooError(f"{spec}: no features: the only remaining column is {quoted(header) or 'none'}")
    return [
        dataclasses.replace(
            table, header=header, rows=[[row[column] for column in kept] for row in table.rows], notes=tuple(notes)
        )
        for table in tables
    ]
