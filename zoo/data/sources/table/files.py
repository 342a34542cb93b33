"""The texts of tables: read from one file or two, and without the columns that say nothing."""

import collections
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.sources.table.columns import all_different, has_decimal_commas, has_grouping_points, is_index, is_number
from zoo.data.sources.table.delimited import quoted, read_delimited
from zoo.errors import ZooError, shown, unknown

EVAL_NAMES = ("val", "valid", "validation", "test")  # of tables in a folder


@dataclass(frozen=True)
class Table:
    """The texts of a file or of a part of it.

    Attributes:
      path: of the file.
      header: the columns' names.
      rows: as many cells in each.
      lines: the number of the line that each row ends on.
      notes: a line for each thing that was assumed or left out.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: np.ndarray
    notes: tuple[str, ...] = ()

    def cells(self, column: int) -> list[str]:
        return [row[column] for row in self.rows]


def read_tables(spec: str, root: Path) -> tuple[Table, Table | None]:
    """The tables to train with and to evaluate with; of the latter None where it has to be cut off the former."""
    if not os.path.isdir(root):  # which says no to names that are too long, unlike a path's own method
        return _read(root), None
    evaluation = next((name for name in EVAL_NAMES if (root / f"{name}.csv").is_file()), None)
    if not (root / "train.csv").is_file() or evaluation is None:
        raise ZooError(f"{spec}: a folder of tables has train.csv and one of {', '.join(EVAL_NAMES)}.csv")
    train, held_out = _read(root / "train.csv"), _read(root / f"{evaluation}.csv")
    place = {name: column for column, name in enumerate(held_out.header)}
    lacking = [name for name in train.header if name not in place]
    surplus = sorted(place.keys() - set(train.header), key=held_out.header.index)
    if lacking or surplus or len(train.header) != len(held_out.header):
        what = [f"lacks {quoted(lacking)}"] * bool(lacking) + [f"has also {quoted(surplus)}"] * bool(surplus)
        raise ZooError(
            f"{held_out.path} has other columns than {train.path}: it {' and '.join(what) or 'repeats some'}"
        )
    order = [place[name] for name in train.header]
    rows = [[row[column] for column in order] for row in held_out.rows]
    notes = train.notes + held_out.notes
    return dataclasses.replace(train, notes=notes), dataclasses.replace(held_out, header=train.header, rows=rows)


def read_one(spec: str, root: Path, split: str) -> Table:
    """The only table that is asked for, see `zoo.data.sources.table.open_table`."""
    if not os.path.isdir(root):
        if split != "whole":
            raise ZooError(f"{spec} is one table, and is evaluated as a whole: leave out the split {split!r}")
        return _read(root)
    names = {"val": EVAL_NAMES[:-1], "test": EVAL_NAMES[-1:], "train": ("train",), "whole": (*EVAL_NAMES, "train")}[
        split
    ]
    found = [root / f"{name}.csv" for name in names if (root / f"{name}.csv").is_file()]
    if not found:
        raise ZooError(f"{spec}: there is no {' or '.join(f'{name}.csv' for name in names)} in it")
    return _read(found[0])


def _read(path):
    found = read_delimited(path)
    header, rows, notes = found.header, found.rows, list(found.notes)
    if len(header) < 2:
        raise ZooError(
            f"{path} has one column, {shown(header[0])}: there is nothing to learn from, or its columns are separated"
            " neither by commas nor by semicolons, tabs or vertical bars"
        )
    if not rows:
        raise ZooError(f"{path} has no rows below its header: nothing to learn from")
    # Columns that a program numbered are called 0, 1, 2 ...; other numbers are the first example, in a file without header.
    numbers = [name for name in header if is_number(name)]
    if numbers not in ([], [str(i) for i in range(len(numbers))], [str(i + 1) for i in range(len(numbers))]) or len(
        numbers
    ) == len(header):
        raise ZooError(
            f"{path}: the first line must be a header with a name for each column, and it is {quoted(header)}"
        )
    named = [column for column, name in enumerate(header) if name and name not in numbers]
    again = [column for column in named if any(row[column] == header[column] for row in rows)]
    if 2 * len(again) > len(named):  # in a file of texts without header, or of two that were put together
        line = next(line for row, line in zip(rows, found.lines, strict=True) if row[again[0]] == header[again[0]])
        raise ZooError(
            f"{path}: the first line must be a header with a name for each column, and no other line; its"
            f" {quoted([header[column] for column in again])} are in other lines, too, such as line {line}"
        )
    if found.delimiter != ",":
        commas = {column for column in range(len(header)) if has_decimal_commas([row[column] for row in rows])}
        if commas:
            for column in set(range(len(header))) - commas:
                if has_grouping_points(cells := [row[column] for row in rows]):
                    raise ZooError(
                        f"{path}: the column {shown(header[column])} has numbers such as"
                        f" {min(cell for cell in cells if '.' in cell)}, and others have decimal commas: if the points"
                        " stand for thousands, take them out, else write 1,234 for 1.234"
                    )
            notes.append(
                f"{path}: numbers have decimal commas in {quoted([header[column] for column in sorted(commas)])}"
            )
            rows = [
                [cell.replace(",", ".") if column in commas else cell for column, cell in enumerate(row)]
                for row in rows
            ]
    return Table(path, header, rows, np.array(found.lines), tuple(notes))


def as_trained(spec: str, table: Table, label: str | None, feature_names: Sequence[str]) -> Table:
    """The columns that a network was trained on, in the order of then, and that of the class; a note names the others.

    Args:
      spec: what the note calls the table.
      table: of the examples to evaluate on.
      label: the column of the class; the last one if None.
      feature_names: a column's name, or for a column of texts "column=value" for each value.
    """
    order = {name: number for number, name in reversed(list(enumerate(feature_names)))}
    for number, name in reversed(list(enumerate(feature_names))):
        order.setdefault(name.partition("=")[0], number)
    target = len(table.header) - 1 if label is None else table.header.index(label)
    found = [column for column, name in enumerate(table.header) if column != target and name in order]
    kept = [*sorted(found, key=lambda column: order[table.header[column]]), target]
    others = [name for column, name in enumerate(table.header) if column not in kept]
    note = f"{spec}: left out, for the network was not trained on them: {quoted(others)}"
    return dataclasses.replace(
        table,
        header=[table.header[column] for column in kept],
        rows=[[row[column] for column in kept] for row in table.rows],
        notes=(*table.notes, *([note] if others else [])),
    )


def without_columns(spec: str, tables: Sequence[Table], label: str | None, drop: Sequence[str]) -> list[Table]:
    """Tables without the columns that are to be left out, and those that the first shows to say nothing."""
    first = tables[0]
    for name in drop:
        if name not in first.header:
            raise unknown(f"column in data.drop of {spec}", name, first.header)
    kept, notes = [], list(first.notes)
    for column, name in enumerate(first.header):
        cells = first.cells(column)
        if name in drop:
            notes.append(f"{spec}: the column {shown(name)} is left out, as data.drop says")
        elif name == label:
            kept.append(column)
        elif is_index(name, cells):
            called = f"the column {shown(name)}" if name else f"column {column + 1}, which has no name,"
            notes.append(f"{spec}: {called} only counts the lines, and is left out")
        elif not name and not any(cells):
            notes.append(f"{spec}: column {column + 1} has neither name nor values, and is left out")
        elif not name:
            raise ZooError(f"{first.path}: column {column + 1} has no name: give it one in the first line")
        else:
            kept.append(column)
            if all_different(cells):
                notes.append(
                    f"{spec}: the column {shown(name)} has another whole number in every line: if it only counts or names"
                    f" them, data.drop={name} leaves it out"
                )
    header = [first.header[column] for column in kept]
    if twice := [name for name, count in collections.Counter(header).items() if count > 1]:
        raise ZooError(
            f"{first.path}: the first line must be a header of different names, and has {quoted(twice)} twice"
        )
    if len(header) < 2:
        raise ZooError(
            f"{spec}: of its columns only {quoted(header) or 'none'} is left: there is nothing to learn from"
        )
    return [
        dataclasses.replace(
            table, header=header, rows=[[row[column] for column in kept] for row in table.rows], notes=tuple(notes)
        )
        for table in tables
    ]
