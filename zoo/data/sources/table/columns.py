"""Parses cells, determines which columns of a table are numeric or categorical, and normalizes class names."""

import decimal
import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

from zoo.errors import ZooError, listed, shown

# Missing values, in any case: those of pandas, "?" as in the UCI repository, and those written by MySQL and C.
MISSING = {"", "?", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na", "#n/a n/a", "nat", "\\n"}
MISSING |= {"-nan", "+nan", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"}
# "None" is often a class or a category; among numbers it can only be a missing value.
TEXTS_MISSING = MISSING - {"none"}
MAX_CATEGORIES = 1000  # in a column
PLAUSIBLE_CATEGORIES = 20  # a column with at most this many values is never taken for identifiers or quantities

# Names of columns of line numbers, as programs write them.
INDEX_NAME = re.compile(
    r"(?i:|#|s?no\.?|nr\.?|index|level_0|rows?|row.?(?:names?|num(?:ber)?|id|index)|unnamed:? ?\d+|(?:.+[ _.-])?id)"
    r"|.*[a-z]I[dD]"
)
INTEGER = re.compile(r"[+-]?\d{1,18}(?:\.0*)?", re.ASCII)
WITH_COMMA = re.compile(r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)  # 1,234 is ambiguous: 1234 or 1.234
HUGE_EXPONENT = re.compile(r"[eE][+-]?\d{6,}")  # treated as text
FORMULA_ERROR = re.compile(r"#(?:DIV/0|REF|VALUE|NUM|NULL|SPILL|CALC)!|#NAME\?")  # as saved by spreadsheets
LIKE_A_NUMBER = re.compile(
    r"[+-]?[$€£¥]?\s?(?:\d+|\d{1,3}(?:[,.'\s]\d{3})+)(?:[.,]\d*)?(?:[eE][+-]?\d+)?\s?[%$€£¥]?", re.ASCII
)


def parse_number(text: str) -> float | None:
    """Returns the number in a cell, NaN for a missing value, None for any other text."""
    if text.lower() in MISSING:
        return math.nan
    try:
        # Only Python parses 1_000 as a number.
        return None if "_" in text or HUGE_EXPONENT.search(text) else float(text)
    except ValueError:
        return None


def is_number(text: str) -> bool:
    """Returns whether a cell contains a number; False for a missing value."""
    return text.lower() not in MISSING and parse_number(text) is not None


def is_index(name: str, cells: Sequence[str]) -> bool:
    """Returns whether a column is an index: a typical name, and consecutive integers in any order.

    In a column without a name, any distinct integers count, as in a subset of a table.
    """
    if not INDEX_NAME.fullmatch(name) or not all(INTEGER.fullmatch(cell) for cell in cells):
        return False
    numbers = {int(cell.partition(".")[0]) for cell in cells}
    return len(numbers) == len(cells) and (not name or max(numbers) - min(numbers) == len(numbers) - 1)


def has_distinct_integers(cells: Sequence[str]) -> bool:
    """Returns whether all values of a column are distinct integers, typical of identifiers but not of measurements."""
    distinct = len(cells) > PLAUSIBLE_CATEGORIES and len(set(cells)) == len(cells)
    return distinct and all(INTEGER.fullmatch(cell) for cell in cells)


def has_decimal_commas(cells: Sequence[str]) -> bool:
    """Returns whether the numbers of a column have decimal commas; False if all commas may be thousands separators."""
    present = [cell for cell in set(cells) if cell.lower() not in MISSING]
    commas = [cell for cell in present if WITH_COMMA.fullmatch(cell)]
    return any(not GROUPED.fullmatch(cell) for cell in commas) and all(
        WITH_COMMA.fullmatch(cell) or INTEGER.fullmatch(cell) for cell in present
    )


def has_grouping_points(cells: Sequence[str]) -> bool:
    """Returns whether all points in a column may be thousands separators, as next to numbers with decimal commas."""
    points = [cell for cell in set(cells) if "." in cell and cell.lower() not in MISSING]
    return bool(points) and all(GROUPED.fullmatch(cell.replace(".", ",")) for cell in points if "," not in cell)


def collides_in_float32(cells: Sequence[str]) -> bool:
    """Returns whether distinct integers of a column are equal in float32, as with large identifiers and timestamps."""
    numbers = {int(cell.partition(".")[0]) for cell in cells if len(cell) > 7 and INTEGER.fullmatch(cell)}
    return len({float(np.float32(number)) for number in numbers}) < len(numbers)


def truth_value(text: str) -> str:
    """Normalizes the case of "True" and "False"; returns any other text unchanged."""
    return text.capitalize() if text.casefold() in ("true", "false") else text


def class_name(text: str) -> str:
    """Normalizes a class name: equal numbers and truth values get the same name, regardless of notation.

    "0", "0.0" and "0e0" are "0"; "TRUE" and "true" are "True".
    """
    if not is_number(text):
        return truth_value(text)
    value = decimal.Decimal(text)  # exact, unlike float
    if not value.is_finite() or abs(value.adjusted()) > 40:
        return str(value.normalize(decimal.Context(prec=len(text))))
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def sort_class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Sorts class names numerically if all are numbers, else alphabetically."""
    names = set(names)
    if all(is_number(name) for name in names):
        return tuple(sorted(names, key=decimal.Decimal))
    return tuple(sorted(names))


def check_classes(where: str, column: str, texts: Sequence[str]) -> None:
    """Raises `ZooError` if the last column, used as the class by default, is unlikely to be one."""
    different = len(set(texts))
    if different <= PLAUSIBLE_CATEGORIES:
        return
    quantities = sum(is_number(text) and not INTEGER.fullmatch(text) for text in set(texts))
    if quantities or different > len(texts) / 2:
        what = "some of them fractional numbers" if quantities else "more than half the number of lines"
        raise ZooError(
            f"{where}: the last column, {shown(column)}, is unlikely to be the class: it has {different:,} distinct"
            f" values, {what}; set data.label=NAME"
        )


def categories(where: str, name: str, cells: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the distinct values of a text column in alphabetical order; None for a numeric column.

    Raises:
      ZooError: there are too many values for categories, spreadsheet errors, or numbers in an unsupported notation.
    """
    texts = {truth_value(cell) for cell in set(cells) if cell.lower() not in TEXTS_MISSING}
    if any(is_number(text) for text in texts) or not {text.lower() for text in texts} - {"none"}:
        return None
    leave_out = f"leave the column out with data.drop={name}"
    if all(LIKE_A_NUMBER.fullmatch(text) for text in texts if text.lower() != "none"):
        raise ZooError(
            f"{where}: column {shown(name)} has texts that look like numbers, such as {shown(min(texts))}: write them"
            f" like 1234.5, or {leave_out}"
        )
    if formula_errors := sorted(filter(FORMULA_ERROR.fullmatch, texts)):
        raise ZooError(
            f"{where}: column {shown(name)} contains the spreadsheet error {formula_errors[0]}: fix it, or {leave_out}"
        )
    present = sum(cell.lower() not in TEXTS_MISSING for cell in cells)
    if len(texts) > MAX_CATEGORIES or len(texts) > max(PLAUSIBLE_CATEGORIES, present / 2):
        examples = listed([shown(text) for text in sorted(texts)], 3)
        raise ZooError(
            f"{where}: column {shown(name)} has {len(texts):,} distinct texts in {present:,} cells, too many for"
            f" categories ({examples}): {leave_out}"
        )
    return tuple(sorted(texts))
