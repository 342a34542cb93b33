"""Strict JSON, and reading of the project's own JSON files, which may have been damaged since they were written.

A file may be truncated, overwritten with zeros, not UTF-8, nested without limit, or JSON of another shape.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DamagedFile, printable
from zoo.recipe.part import conform


def read_json(path: Path, shape: Any, remedy: str) -> Any:
    """Reads a JSON file and checks the type of its content.

    Args:
      path: of the file.
      shape: the expected type of the content, such as `Mapping[str, str]`.
      remedy: what to do about a damaged file, appended to the error message.

    Raises:
      DamagedFile: the content is not JSON, or not of that type.
      OSError: the file cannot be read.
    """
    if not path.is_file():
        raise DamagedFile(f"{printable(path)} is damaged, not a regular file: {remedy}")
    try:
        content = parse(path.read_bytes())
        conform(content, shape)
    except (ValueError, TypeError):
        raise DamagedFile(f"{printable(path)} is damaged: {remedy}") from None
    return content


def read_json_lines(path: Path, is_whole: Callable[[Any], bool]) -> tuple[list[Any], int]:
    """Reads a JSON Lines file and returns the intact lines and the number of damaged ones.

    A last line without a line break is not counted as damaged: it was left unfinished by a process that was killed.

    Args:
      path: of the file.
      is_whole: returns whether the content of a line has the expected shape.

    Raises:
      DamagedFile: the path is a folder, or a pipe, which would block.
      OSError: the file cannot be read.
    """
    if not path.is_file():
        raise DamagedFile(f"{printable(path)} is damaged: not a regular file")
    *lines, unfinished = path.read_bytes().split(b"\n")
    whole, damaged = [], 0
    for line in [*lines, *([unfinished] if unfinished else [])]:
        try:
            content = parse(line)
            if not is_whole(content):
                raise ValueError
        except ValueError:
            damaged += line is not unfinished
        else:
            whole.append(content)
    return whole, damaged


def parse(text: bytes) -> Any:
    """Parses JSON in UTF-8.

    Raises:
      ValueError: the text is not JSON in UTF-8.
    """
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def strict(value: Any) -> Any:
    """Returns values as strict JSON has them: numbers that are not finite, and values of other types, become text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): strict(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [strict(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
