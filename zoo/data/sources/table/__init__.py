"""Tables in CSV files (RFC 4180), with a header: one example a line, of which one column is the class."""

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
    in_order,
    is_lost_in_float32,
    parse_number,
    truth_value,
)
from zoo.data.sources.table.delimited import quoted
from zoo.data.sources.table.files import as_trained, read_one, read_tables, without_columns
from zoo.data.split import ArraySplit
from zoo.data.splitting import HELD_OUT, hold_out_groups
from zoo.errors import ZooError, listed, shown, unknown
from zoo.files import expand, in_units

FLOAT32_MAX = float(np.finfo(np.float32).max)
LARGEST = 2**32  # bytes of the features


def open_table(
    path: str,
    label: str | None = None,
    drop: Sequence[str] = (),
    split: str | None = None,
    feature_names: Sequence[str] | None = None,
) -> Dataset:
    """Opens a CSV file, or a folder with `train.csv` and one of `val.csv`, `valid.csv`, `validation.csv` and `test.csv`.

    Columns may be separated by semicolons, tabs or vertical bars as well, see `zoo.data.sources.table.delimited.read_delimited`, and
    numbers may have decimal commas then. What is assumed of a file, or left out, is in the data set's notes.

    Columns of numbers are features. Columns without any number are categories: each value becomes a feature that is 1 or 0
    (one-hot), called `column=value`. Empty cells, "?", "NA", "NaN" and "null" are missing values, in any case; "none" is,
    too, in columns of numbers. Of the two tables of a folder, the first says which categories there are.

    A column that only counts the lines, and is called as such columns are or not at all, is left out.

    Classes are in alphabetical order, or in rising order if all are numbers. Numbers that are equal are one class, as are
    truth values, however they are written; see `zoo.data.sources.table.columns.class_name`. "None" is a class like others.

    Of a single file, a fifth of every class is held out, rounded. Which lines these are goes by a hash of their text; equal
    lines are on the same side.

    Args:
      path: of the file or folder.
      label: the column of the class; the last one if None.
      drop: columns that are left out.
      split: None for training and evaluation. Else only one table is opened, and is both: "train", "val" or "test" of a
        folder; or "whole", all lines of a file, and of a folder the table to evaluate with.
      feature_names: what a network was trained on, which says what is a number and which categories there are; None goes by
        the table.

    Raises:
      ZooError: a file is missing or no such table, or a value cannot be used; the message names line and column.
    """
    spec, root = f"csv:{path}", expand(path)
    train, held_out = read_tables(spec, root) if split is None else (read_one(spec, root, split), None)
    if label is not None and label not in train.header:
        raise unknown(f"column of {spec}", label, train.header)
    if feature_names is not None:
        train, drop = as_trained(spec, train, label, feature_names), ()
    if label is not None and label in drop:
        raise ZooError(f"{spec}: data.drop has {shown(label)}, which is the column of the class")
    train, *others = without_columns(spec, [train, *([held_out] if held_out else [])], label, drop)
    column = len(train.header) - 1 if label is None else train.header.index(label)
    notes = list(train.notes)
    if label is None:
        notes.append(f"{spec}: the class is the last column, {shown(train.header[column])}")
        check_classes(spec, train.header[column], train.cells(column))
    notes += _about_forms(spec, [text for table in [train, *others] for text in table.cells(column)])
    train, *others = (_with_class_names(table, column) for table in [train, *others])
    names, kinds, said = _features(spec, train, column, feature_names)
    notes += said
    if others:
        (held_out,) = others
        known = set(map(tuple, train.rows))
        if same := sum(tuple(row) in known for row in held_out.rows):
            notes.append(
                f"{spec}: {same:,} of {len(held_out.rows):,} lines of {held_out.path.name} are in train.csv, too"
            )
    else:
        train, held_out = _hold_out(train, column) if split is None else (train, train)
    class_names = in_order(train.cells(column))
    notes += _about_case(spec, "classes", class_names)
    train_split, eval_split = (_split(table, column, class_names, kinds) for table in (train, held_out))
    if not held_out.rows:
        raise ZooError(
            f"{spec}: the column {shown(train.header[column])} has {len(class_names):,} classes, and none has two different"
            " lines, one of which could be held out to evaluate with: data.label=NAME says which column is the class"
        )
    return Dataset(
        spec, train_split, eval_split, class_names, channels=len(names), feature_names=names, notes=tuple(notes)
    )


def _with_class_names(table, column):
    """A table whose classes are called the same wherever they are the same."""
    names = {text: class_name(text) for text in set(table.cells(column))}
    rows = []
    for row, line in zip(table.rows, table.lines, strict=True):
        text = row[column]
        if text.lower() in TEXTS_MISSING:
            cell = f", where the cell says {text!r}, which stands for a missing value" if text else ""
            raise ZooError(
                f"{table.path}, line {line}: the class is missing, in the column {table.header[column]!r}{cell}: give it"
                " one, or take the line out"
            )
        if FORMULA_ERROR.fullmatch(text):
            raise ZooError(
                f"{table.path}, line {line}: the class is {text}, where a formula failed, in the column"
                f" {table.header[column]!r}: mend it, or take the line out"
            )
        rows.append(row if names[text] == text else [*row[:column], names[text], *row[column + 1 :]])
    return dataclasses.replace(table, rows=rows)


def _about_forms(spec, texts):
    """A note for classes that are written in several ways."""
    forms: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        forms.setdefault(class_name(text), []).append(text)
    several = [" and ".join(map(shown, written)) for written in forms.values() if len(written) > 1]
    return [f"{spec}: the same class in several forms: {listed(several)}"] if several else []


def _about_case(spec, what, names):
    """A note for classes or categories that differ in nothing but upper and lower case, which may be right."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    pairs = [" and ".join(map(shown, group)) for group in alike.values() if len(group) > 1]
    return [f"{spec}: these are different {what}, which differ in case alone: {listed(pairs)}"] if pairs else []


def _hold_out(table, column):
    """Cuts a table into (kept, held out): a fifth of the lines of each class, equal lines on one side."""
    texts = ["\0".join(row) for row in table.rows]
    keys, groups = np.unique(np.array(texts, object), return_inverse=True)
    _, labels = np.unique(np.array(table.cells(column), object), return_inverse=True)
    kept, out = hold_out_groups(labels, groups, [key.encode() for key in keys], HELD_OUT)
    return tuple(
        dataclasses.replace(table, rows=[table.rows[index] for index in chosen], lines=table.lines[chosen])
        for chosen in (kept, out)
    )


def _features(spec, table, label_column, known=None):
    """Names of the features; for each column None for numbers or else the categories; and notes.

    The names that are `known` decide of a column that is among them, or whose values are.
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
            notes += _about_case(spec, f"categories of {shown(name)}", found)
        elif column != label_column:
            names.append(name)
            if is_lost_in_float32(table.cells(column)):
                notes.append(
                    f"{spec}: the column {shown(name)} has numbers that differ after more than the seven digits that are"
                    " computed with, and become the same: subtract what they have in common"
                )
    if (size := 4 * len(table.rows) * len(names)) > LARGEST:
        raise ZooError(
            f"{spec}: {len(table.rows):,} lines with {len(names):,} features would take {in_units(size)}, more than"
            f" {in_units(LARGEST)}: data.drop leaves columns out"
        )
    if len(set(names)) < len(names):
        twice = next(name for name, count in collections.Counter(names).items() if count > 1)
        raise ZooError(f"{spec}: a column and a category of another are both called {shown(twice)}: rename one")
    said = [f"{spec}: columns of texts are categories: {listed(texts)}"] if texts else []
    return tuple(names), kinds, said + notes


def _split(table, label_column, class_names, kinds):
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
    numbers = {name: number for number, name in enumerate(class_names)}
    labels = np.empty(len(table.rows), np.int32)
    for index, name in enumerate(table.cells(label_column)):
        if name not in numbers:
            raise ZooError(
                f"{table.path}, line {table.lines[index]}, column {table.header[label_column]!r}: the class {shown(name)} is"
                " not in the training split"
            )
        labels[index] = numbers[name]
    features = np.concatenate(columns, 1)
    return ArraySplit(features[:, None, None, :], labels, str(table.path), table.lines)


def _numbers(cells, error):
    """float32 [N]; `error` makes one of the position of a cell and what is wrong with it."""
    values = np.empty(len(cells), np.float32)
    for index, cell in enumerate(cells):
        number = parse_number(cell)
        if number is None:
            raise error(
                index,
                f"{shown(cell)} is not a number, and other lines have numbers there; an empty cell is a missing value",
            )
        if abs(number) > FLOAT32_MAX:
            raise error(index, f"{shown(cell, 200).strip(chr(39))} is not finite in float32")
        values[index] = number
    return values


def _one_hot(cells, known, error, name):
    """float32 [N, categories], NaN where the value is missing."""
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
                f"{shown(cell)} is not among the values of the training split: {quoted(list(known))};"
                f" data.drop={name} leaves the column out",
            )
    return values
