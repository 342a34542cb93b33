"""Tables in CSV files (RFC 4180), with a header: one example a line, of which one column is the class."""

import csv
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.folder import EVAL_NAMES, HELD_OUT
from zoo.data.splitting import hash_fraction
from zoo.errors import ZooError, unknown

MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}  # in any case; "?" is the UCI repository's

FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class _Table:
    """The texts of a file: its columns' names, its rows, and the number of the line that each row ends on."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: np.ndarray


def open_table(path: str, label: str | None = None) -> Dataset:
    """Opens a CSV file, or a folder with `train.csv` and one of `val.csv`, `valid.csv`, `validation.csv` and `test.csv`.

    Columns of numbers are features. Columns without any number are categories: each value in the training split becomes a
    feature that is 1 or 0 (one-hot), called `column=value`. Empty cells, "?", "NA", "NaN", "null" and "none" are missing
    values. Classes are in alphabetical order, or in rising order if all are numbers.

    Of a single file, about a fifth of every class is held out. Which lines these are goes by a hash of their text, so
    that equal lines are on the same side.

    Args:
      path: of the file or folder.
      label: the column of the class; the last one if None.

    Raises:
      ZooError: a file is missing or no such table, or a value cannot be used; the message names line and column.
    """
    spec, root = f"csv:{path}", Path(os.path.expanduser(path))
    if root.is_dir():
        evaluation = next((name for name in EVAL_NAMES if (root / f"{name}.csv").is_file()), None)
        if not (root / "train.csv").is_file() or evaluation is None:
            raise ZooError(f"{spec}: a folder of tables has train.csv and one of {', '.join(EVAL_NAMES)}.csv")
        train, held_out = _read(root / "train.csv"), _read(root / f"{evaluation}.csv")
        if train.header != held_out.header:
            raise ZooError(f"{held_out.path} has other columns than {train.path}: {', '.join(held_out.header)}")
    else:
        train, held_out = None, None
        whole = _read(root)
    header = (train or whole).header
    if label is not None and label not in header:
        raise unknown(f"column of {spec}", label, header)
    column = header.index(label) if label is not None else len(header) - 1
    if train is None:
        train, held_out = _hold_out(whole, column)
    class_names = _class_names(train, column)
    names, kinds = _features(train, column)
    train_split, eval_split = (_split(table, column, class_names, kinds) for table in (train, held_out))
    return Dataset(spec, train_split, eval_split, class_names, channels=len(names), feature_names=names)


def _read(path):
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows, lines = [], []
            for row in reader:
                if row:
                    if len(row) != len(header):
                        raise ZooError(
                            f"{path}, line {reader.line_num} has {len(row)} cells, and the header {len(header)} columns"
                        )
                    rows.append([cell.strip() for cell in row])
                    lines.append(reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ZooError(f"csv:{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(header) < 2 or not rows:
        raise ZooError(
            f"csv:{path} has {len(header)} columns and {len(rows)} rows below its header: nothing to learn from"
        )
    if len(set(header)) < len(header) or any(_number(name) is not None for name in header):
        raise ZooError(
            f"csv:{path}: the first line must be a header of different names, and it is {', '.join(header[:5])}"
        )
    return _Table(path, header, rows, np.array(lines))


def _hold_out(table, column):
    """Cuts a table into (kept, held out), with at least one line of each class in each; a single one is kept."""
    by_class: dict[str, dict[float, list[int]]] = {}
    for index, row in enumerate(table.rows):
        by_class.setdefault(row[column], {}).setdefault(hash_fraction("\0".join(row).encode()), []).append(index)
    out: set[int] = set()
    for by_fraction in by_class.values():
        fractions = sorted(by_fraction)
        count = min(max(sum(fraction < HELD_OUT for fraction in fractions), 1), len(fractions) - 1)
        out.update(index for fraction in fractions[:count] for index in by_fraction[fraction])
    return tuple(
        _Table(table.path, table.header, [table.rows[index] for index in chosen], table.lines[chosen])
        for chosen in (
            [index for index in range(len(table.rows)) if index not in out],
            sorted(out),
        )
    )


def _number(text):
    """The number that a cell holds, NaN for a missing one, None for another text."""
    if text.lower() in MISSING:
        return math.nan
    try:
        return None if "_" in text else float(text)  # Python reads 1_000 as a number, and nothing else does
    except ValueError:
        return None


def _class_names(table, column):
    names = {row[column] for row in table.rows}
    for row, line in zip(table.rows, table.lines, strict=True):
        if row[column].lower() in MISSING:
            raise ZooError(f"{table.path}, line {line}: the class is missing, in the column {table.header[column]!r}")
    if all(_number(name) is not None for name in names):
        return tuple(sorted(names, key=_number))
    return tuple(sorted(names))


def _features(table, label_column):
    """Names of the features, and for each column None for numbers or else the categories, from the training split."""
    names: list[str] = []
    kinds: list[tuple[str, ...] | None] = []
    for column, name in enumerate(table.header):
        if column == label_column:
            kinds.append(None)
            continue
        cells = [row[column] for row in table.rows]
        present = {cell for cell in cells if cell.lower() not in MISSING}
        if any(_number(cell) is not None for cell in present) or not present:
            kinds.append(None)
            names.append(name)
        else:
            categories = tuple(sorted(present))
            kinds.append(categories)
            names += [f"{name}={value}" for value in categories]
    return tuple(names), kinds


def _split(table, label_column, class_names, kinds):
    columns = []
    for column, categories in enumerate(kinds):
        if column == label_column:
            continue
        cells = [row[column] for row in table.rows]

        def fail(index, what, column=column):
            raise ZooError(f"{table.path}, line {table.lines[index]}, column {table.header[column]!r}: {what}")

        values = np.empty((len(cells), len(categories or (None,))), np.float64)
        for index, cell in enumerate(cells):
            if categories is None:
                number = _number(cell)
                if number is None:
                    fail(index, f"{cell!r} is not a number, and other lines have numbers there")
                if abs(number) > FLOAT32_MAX:
                    fail(index, f"{cell} is not finite in float32")
                values[index] = number
            elif cell.lower() in MISSING:
                values[index] = math.nan
            elif cell in categories:
                values[index] = [cell == category for category in categories]
            else:
                fail(index, f"{cell!r} is not among the values of the training split: {', '.join(categories[:5])}")
        columns.append(values)
    labels = np.empty(len(table.rows), np.int32)
    numbers = {name: number for number, name in enumerate(class_names)}
    for index, row in enumerate(table.rows):
        if row[label_column] not in numbers:
            name = table.header[label_column]
            raise ZooError(
                f"{table.path}, line {table.lines[index]}, column {name!r}: the class {row[label_column]!r} is not in the"
                f" training split"
            )
        labels[index] = numbers[row[label_column]]
    features = np.concatenate(columns, 1).astype(np.float32)
    return ArraySplit(features[:, None, None, :], labels, str(table.path), table.lines)
