"""Values as text, for pages and terminals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import listed, printable

MOST_VALUES = 6  # of a list that are shown


def value_text(value: Any) -> str:
    """Returns a measured value as text: numbers with four digits, and the first values of a list."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return listed([f"{printable(key)} {value_text(each)}" for key, each in value.items()], MOST_VALUES)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return listed([value_text(each) for each in value], MOST_VALUES)
    return printable(value)
