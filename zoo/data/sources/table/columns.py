"""Which columns of a table are features, and of what kind; and what its classes are called."""

import decimal
import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

from zoo.errors import ZooError, listed, shown

# In any case: what pandas takes for missing, "?" of the UCI repository, and MySQL's and C's own ways to say it.
MISSING = {"", "?", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na", "#n/a n/a", "nat", "\\n"}
MISSING |= {"-nan", "+nan", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"}
# "None" is often a class or a category, and among numbers it can only be a missing one.
TEXTS_MISSING = MISSING - {"none"}
MOST_CATEGORIES = 1000  # of a column
FEW = 20  # categories or classes; as many are never taken for names or quantities

# What the first column is called where a program wrote the numbers of lines down.
INDEX_NAME = re.compile(
    r"(?i:|#|s?no\.?|nr\.?|index|level_0|rows?|row.?(?:names?|num(?:ber)?|id|index)|unnamed:? ?\d+|(?:.+[ _.-])?id)|.*[a-z]I[dD]"
)
WHOLE = re.compile(r"[+-]?\d{1,18}(?:\.0*)?", re.ASCII)
WITH_COMMA = re.compile(r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)  # 1,234 is either a thousand or one and a bit
ENDLESS = re.compile(r"[eE][+-]?\d{6,}")  # no program has numbers with such an exponent
FORMULA_ERROR = re.compile(r"#(?:DIV/0|REF|VALUE|NUM|NULL|SPILL|CALC)!|#NAME\?")  # as spreadsheets save them
LIKE_A_NUMBER = re.compile(
    r"[+-]?[$€£¥]?\s?(?:\d+|\d{1,3}(?:[,.'\s]\d{3})+)(?:[.,]\d*)?(?:[eE][+-]?\d+)?\s?[%$€£¥]?", re.ASCII
)


def parse_number(text: str) -> float | None:
    """The number that a cell holds, NaN for a missing one, None for another text."""
    if text.lower() in MISSING:
        return math.nan
    try:
        return (
            None if "_" in text or ENDLESS.search(text) else float(text)
        )  # Python reads 1_000 as a number, and nothing else does
    except ValueError:
        return None


def is_number(text: str) -> bool:
    """Whether a cell holds a number; a missing one is none."""
    return text.lower() not in MISSING and parse_number(text) is not None


def is_index(name: str, cells: Sequence[str]) -> bool:
    """Whether a column is only the numbers of lines: by its name, and as they count up or would, were they sorted.

    Without a name, whole numbers that all differ will do, as those of a part of a table.
    """
    if not INDEX_NAME.fullmatch(name) or not all(WHOLE.fullmatch(cell) for cell in cells):
        return False
    numbers = {int(cell.partition(".")[0]) for cell in cells}
    return len(numbers) == len(cells) and (not name or max(numbers) - min(numbers) == len(numbers) - 1)


def all_different(cells: Sequence[str]) -> bool:
    """Whether a column has another whole number in every line, as identifiers do and hardly any measurement."""
    return len(cells) > FEW and len(set(cells)) == len(cells) and all(WHOLE.fullmatch(cell) for cell in cells)


def has_decimal_commas(cells: Sequence[str]) -> bool:
    """Whether a column's numbers have commas for points. One whose commas may all stand for thousands has not."""
    present = [cell for cell in set(cells) if cell.lower() not in MISSING]
    commas = [cell for cell in present if WITH_COMMA.fullmatch(cell)]
    return any(not GROUPED.fullmatch(cell) for cell in commas) and all(
        WITH_COMMA.fullmatch(cell) or WHOLE.fullmatch(cell) for cell in present
    )


def has_grouping_points(cells: Sequence[str]) -> bool:
    """Whether a column's points may all stand for thousands, as they do where other numbers have decimal commas."""
    points = [cell for cell in set(cells) if "." in cell and cell.lower() not in MISSING]
    return bool(points) and all(GROUPED.fullmatch(cell.replace(".", ",")) for cell in points if "," not in cell)


def is_lost_in_float32(cells: Sequence[str]) -> bool:
    """Whether different whole numbers become the same one in float32, as large identifiers and times do."""
    numbers = {int(cell.partition(".")[0]) for cell in cells if len(cell) > 7 and WHOLE.fullmatch(cell)}
    return len({float(np.float32(number)) for number in numbers}) < len(numbers)


def truth_value(text: str) -> str:
    """The one way to write "True" and "False"; every other text stays."""
    return text.capitalize() if text.casefold() in ("true", "false") else text


def class_name(text: str) -> str:
    """What the class in a cell is called: numbers and truth values have one name, however they are written.

    "0", "0.0" and "0e0" are "0"; "TRUE" and "true" are "True".
    """
    if not is_number(text):
        return truth_value(text)
    value = decimal.Decimal(text)  # to the last digit, unlike a float
    if not value.is_finite() or abs(value.adjusted()) > 40:
        return str(value.normalize(decimal.Context(prec=len(text))))
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in rising order if all are numbers, else in alphabetical order."""
    names = set(names)
    if all(is_number(name) for name in names):
        return tuple(sorted(names, key=decimal.Decimal))
    return tuple(sorted(names))


def check_classes(where: str, column: str, texts: Sequence[str]) -> None:
    """Raises `ZooError` if the last column, for want of a better one, can hardly be that of classes."""
    different = len(set(texts))
    if different <= FEW:
        return
    quantities = sum(is_number(text) and not WHOLE.fullmatch(text) for text in set(texts))
    if quantities or different > len(texts) / 2:
        what = "numbers with fractions among them" if quantities else "as many as every second line"
        raise ZooError(
            f"{where}: the class would be the last column, {shown(column)}, and that has {different:,} different"
            f" values, {what}: say which column it is, data.label=NAME"
        )


def categories(where: str, name: str, cells: Sequence[str]) -> tuple[str, ...] | None:
    """The different texts of a column, in alphabetical order; None for a column of numbers.

    Raises:
      ZooError: there are too many to be categories, or they are numbers in another writing.
    """
    texts = {truth_value(cell) for cell in set(cells) if cell.lower() not in TEXTS_MISSING}
    if any(is_number(text) for text in texts) or not {text.lower() for text in texts} - {"none"}:
        return None
    leave_out = f"data.drop={name} leaves the column out"
    if all(LIKE_A_NUMBER.fullmatch(text) for text in texts if text.lower() != "none"):
        raise ZooError(
            f"{where}: the column {shown(name)} has texts that look like numbers, such as {shown(min(texts))}: write"
            f" them like 1234.5, or {leave_out}"
        )
    if wrong := sorted(filter(FORMULA_ERROR.fullmatch, texts)):
        raise ZooError(
            f"{where}: the column {shown(name)} has {wrong[0]}, where a formula failed: mend it, or {leave_out}"
        )
    present = sum(cell.lower() not in TEXTS_MISSING for cell in cells)
    if len(texts) > MOST_CATEGORIES or len(texts) > max(FEW, present / 2):
        examples = listed([shown(text) for text in sorted(texts)], 3)
        raise ZooError(
            f"{where}: the column {shown(name)} has {len(texts):,} different texts in {present:,} cells, too many for"
            f" categories ({examples}): {leave_out}"
        )
    return tuple(sorted(texts))
