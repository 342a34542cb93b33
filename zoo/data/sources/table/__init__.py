"""Data sets of CSV files (RFC 4180) with a header: one example per line, with the class in one of the columns."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.sources.table.columns import (
    FORMULA_ERROR,
    MISSING,
    TEXTS_MISSING,
    categories,
    check_classes,
    class_name,
    collides_in_float32,
    parse_number,
    sort_class_names,
    truth_value,
)
from zoo.data.sources.table.delimited import quoted
from zoo.data.sources.table.files import as_trained, read_one, read_tables, without_columns
from zoo.data.split import ArraySplit
from zoo.data.splitting import HELD_OUT_FRACTION, hold_out_groups
from zoo.errors import ZooError, listed, shown, unknown
from zoo.files import expand, in_units

FLOAT32_MAX = float(np.finfo(np.float32).max)
MAX_FEATURE_BYTES = 2**32  # size of the features in memory


def open_table(
    path: str,
    label: str | None = None,
    drop: Sequence[str] = (),
    split: str | None = None,
    feature_names: Sequence[str] | None = None,
) -> Dataset:
    """Opens a CSV file, or a folder with `train.csv` and `val.csv`, `valid.csv`, `validation.csv` or `test.csv`.

    Columns may also be separated by semicolons, tabs or vertical bars, and numbers may have decimal commas then; see
    `zoo.data.sources.table.delimited.read_delimited`. Assumptions and omissions are listed in the data set's notes.

    Numeric columns are features. Columns without any number are categorical: each value becomes a 0/1 feature (one-hot)
    named `column=value`. Empty cells, "?", "NA", "NaN" and "null" are missing values, in any case; so is "none" in
    numeric columns. The training table of a folder determines the categories.

    A column of line numbers, recognized by its values and by a typical or empty name, is left out.

    Classes are sorted alphabetically, or numerically if all are numbers. Equal numbers are the same class, as are equal
    truth values, regardless of notation; see `zoo.data.sources.table.columns.class_name`. "None" is an ordinary class.

    Of a single file, a fifth of every class is held out, rounded. Lines are chosen by a hash of their text; equal lines
    are in the same split.

    Args:
      path: path of the file or folder.
      label: column with the class; None for the last one.
      drop: columns to leave out.
      split: None for a training and an evaluation split. Else the single table to open as both: "train", "val" or
        "test" of a folder; or "whole", which is all lines of a file, or the evaluation table of a folder.
      feature_names: the features that a network was trained on, which determine numeric columns and categories; None to
        determine them from the table.

    Raises:
      ZooError: a file is missing or not a valid table, or a value is invalid; the message gives line and column.
    """
    spec, root = f"csv:{path}", expand(path)
    train, held_out = read_tables(spec, root) if split is None else (read_one(spec, root, split), None)
    if label is not None and label not in train.header:
        raise unknown(f"column of {spec}", label, train.header)
    if feature_names is not None:
        train, drop = as_trained(spec, train, label, feature_names), ()
    if label is not None and label in drop:
        raise ZooError(f"{spec}: data.drop contains {shown(label)}, the column with the class")
    train, *others = without_columns(spec, [train, *([held_out] if held_out else [])], label, drop)
    column = len(train.header) - 1 if label is None else train.header.index(label)
    notes = list(train.notes)
    if label is None:
        notes.append(f"{spec}: the class is the last column, {shown(train.header[column])}")
        check_classes(spec, train.header[column], train.cells(column))
    notes += _notation_notes(spec, [text for table in [train, *others] for text in table.cells(column)])
    train, *others = (_with_class_names(table, column) for table in [train, *others])
    names, kinds, more_notes = _features(spec, train, column, feature_names)
    notes += more_notes
    if others:
        (held_out,) = others
        train_rows = set(map(tuple, train.rows))
        if same := sum(tuple(row) in train_rows for row in held_out.rows):
            notes.append(
                f"{spec}: {same:,} of {len(held_out.rows):,} lines of {held_out.path.name} are also in train.csv"
            )
    else:
        train, held_out = _hold_out(train, column) if split is None else (train, train)
    class_names = sort_class_names(train.cells(column))
    notes += _case_notes(spec, "classes", class_names)
    train_split, eval_split = (_split(table, column, class_names, kinds) for table in (train, held_out))
    if not held_out.rows:
        raise ZooError(
            f"{spec}: column {shown(train.header[column])} has {len(class_names):,} classes, none with two distinct"
            " lines, so no line can be held out for evaluation: set data.label=NAME if another column is the class"
        )
    return Dataset(
        spec, train_split, eval_split, class_names, channels=len(names), feature_names=names, notes=tuple(notes)
    )


def _with_class_names(table, column):
    """Returns a table with normalized class names; raises `ZooError` if a class is missing or a spreadsheet error."""
    names = {text: class_name(text) for text in set(table.cells(column))}
    rows = []
    for row, line in zip(table.rows, table.lines, strict=True):
        text = row[column]
        if text.lower() in TEXTS_MISSING:
            cell = f" (the cell is {text!r}, which stands for a missing value)" if text else ""
            raise ZooError(
                f"{table.path}, line {line}: the class is missing in column {table.header[column]!r}{cell}: fill it in,"
                " or remove the line"
            )
        if FORMULA_ERROR.fullmatch(text):
            raise ZooError(
                f"{table.path}, line {line}: the class is the spreadsheet error {text} in column"
                f" {table.header[column]!r}: fix it, or remove the line"
            )
        rows.append(row if names[text] == text else [*row[:column], names[text], *row[column + 1 :]])
    return dataclasses.replace(table, rows=rows)


def _notation_notes(spec, texts):
    """Returns a note about classes that are written in several ways, if there are any."""
    forms: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        forms.setdefault(class_name(text), []).append(text)
    several = [" and ".join(map(shown, written)) for written in forms.values() if len(written) > 1]
    return [f"{spec}: different notations of the same class: {listed(several)}"] if several else []


def _case_notes(spec, what, names):
    """Returns a note about classes or categories that differ only in case, which may be intended."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    pairs = [" and ".join(map(shown, group)) for group in alike.values() if len(group) > 1]
    return [f"{spec}: {what} that differ only in case are treated as different: {listed(pairs)}"] if pairs else []


def _hold_out(table, column):
    """Splits a table into (kept, held out): a fifth of the lines of each class, with equal lines in the same part."""
    texts = ["\0".join(row) for row in table.rows]
    keys, groups = np.unique(np.array(texts, object), return_inverse=True)
    _, labels = np.unique(np.array(table.cells(column), object), return_inverse=True)
    kept, out = hold_out_groups(labels, groups, [key.encode() for key in keys], HELD_OUT_FRACTION)
    return tuple(
        dataclasses.replace(table, rows=[table.rows[index] for index in chosen], lines=table.lines[chosen])
        for chosen in (kept, out)
    )


def _features(spec, table, label_column, known=None):
    """Determines the features of a table.

    Names of features that are `known` from training determine the kind of their columns.

    Returns:
      Names of the features; for each column, its categories, or None if it is numeric; and notes.
    """
    names: list[str] = []
    kinds: list[tuple[str, ...] | None] = []
    texts: list[str] = []
    notes: list[str] = []
    for column, name in enumerate(table.header):
        values = tuple(each.removeprefix(f"{name}=") for each in known or () if each.startswith(f"{name}="))
        if column == label_column or name in (known or ()):
            found = None
        else:
            found = values or categories(str(table.path), name, table.cells(column))
        kinds.append(found)
        if found is not None:
            names += [f"{name}={value}" for value in found]
            texts.append(f"{shown(name)} ({len(found)} values)")
            notes += _case_notes(spec, f"categories of {shown(name)}", found)
        elif column != label_column:
            names.append(name)
            if collides_in_float32(table.cells(column)):
                notes.append(
                    f"{spec}: column {shown(name)} has distinct integers that are equal in float32, which has seven"
                    " digits: subtract a common offset"
                )
    if (size := 4 * len(table.rows) * len(names)) > MAX_FEATURE_BYTES:
        raise ZooError(
            f"{spec}: {len(table.rows):,} lines with {len(names):,} features need {in_units(size)}, more than the limit"
            f" of {in_units(MAX_FEATURE_BYTES)}: leave out columns with data.drop"
        )
    if len(set(names)) < len(names):
        repeated = next(name for name, count in collections.Counter(names).items() if count > 1)
        raise ZooError(f"{spec}: a column and a category of another are both named {shown(repeated)}: rename one")
    categorical = [f"{spec}: text columns are categorical: {listed(texts)}"] if texts else []
    return tuple(names), kinds, categorical + notes


def open_rows(path: str, feature_names: Sequence[str]) -> ArraySplit:
    """Opens the rows of a CSV file as examples without classes, for prediction; all labels are 0.

    Args:
      path: path of the file; columns that are not features, such as the class, are left out.
      feature_names: the features that a network was trained on, see `open_table`.

    Raises:
      ZooError: the file is not a valid table, a column is missing, or a value is invalid.
    """
    table = read_one(f"csv:{path}", expand(path), "whole")
    table = as_trained(f"csv:{path}", table, None, feature_names, has_class=False)
    names, kinds, _ = _features(f"csv:{path}", table, None, feature_names)
    if missing := [name for name in feature_names if name not in names]:
        raise ZooError(f"{table.path}: columns that the network was trained on are missing: {quoted(missing)}")
    return ArraySplit(_matrix(table, None, kinds), np.zeros(len(table.rows), np.int32), str(table.path), table.lines)


def _split(table, label_column, class_names, kinds):
    features = _matrix(table, label_column, kinds)
    numbers = {name: number for number, name in enumerate(class_names)}
    labels = np.empty(len(table.rows), np.int32)
    for index, name in enumerate(table.cells(label_column)):
        if name not in numbers:
            raise ZooError(
                f"{table.path}, line {table.lines[index]}, column {table.header[label_column]!r}: class {shown(name)}"
                " is not in the training split"
            )
        labels[index] = numbers[name]
    return ArraySplit(features, labels, str(table.path), table.lines)


def _matrix(table, label_column, kinds):
    """Returns the features of a table, float32 [N, 1, 1, F]."""
    columns = []
    for column, known in enumerate(kinds):
        if column == label_column:
            continue

        def error(index, what, column=column):
            return ZooError(f"{table.path}, line {table.lines[index]}, column {table.header[column]!r}: {what}")

        cells = table.cells(column)
        if known is None:
            columns.append(_numbers(cells, error)[:, None])
        else:
            columns.append(_one_hot(cells, known, error, table.header[column]))
    return np.concatenate(columns, 1)[:, None, None, :]


def _numbers(cells, error):
    """Parses cells to float32 [N]; `error(index, message)` makes the exception for an invalid cell."""
    values = np.empty(len(cells), np.float32)
    for index, cell in enumerate(cells):
        number = parse_number(cell)
        if number is None:
            raise error(
                index,
                f"{shown(cell)} is not a number, unlike in other lines; leave the cell empty if the value is missing",
            )
        if abs(number) > FLOAT32_MAX:
            raise error(index, f"{shown(cell, 200).strip(chr(39))} is not finite in float32")
        values[index] = number
    return values


def _one_hot(cells, known, error, name):
    """Encodes cells as float32 [N, categories], NaN if the value is missing."""
    values = np.zeros((len(cells), len(known)), np.float32)
    numbers = {category: number for number, category in enumerate(known)}
    for index, cell in enumerate(cells):
        number = numbers.get(cell, numbers.get(truth_value(cell)))
        if number is not None:
            values[index, number] = 1
        elif cell.lower() in MISSING:
            values[index] = np.nan
        else:
            raise error(
                index,
                f"{shown(cell)} is not one of the values in the training split, {quoted(list(known))}; leave the column"
                f" out with data.drop={name}",
            )
    return values
