"""JSON files of the project's own, read as what may have become of them since they were written.

A file may be half-written, overwritten with zeros, not UTF-8, nested without end, or JSON of another shape.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import DamagedFile, printable
from zoo.recipe.part import conform


def read_json(path: Path, shape: Any, remedy: str) -> Any:
    """The content of a JSON file.

    Args:
      path: of the file.
      shape: what the content has to be, as a type: such as `Mapping[str, str]`.
      remedy: what to do about a damaged file; the end of the error's line.

    Raises:
      DamagedFile: it is not JSON, or of another shape.
      OSError: it cannot be read.
    """
    if not path.is_file():
        raise DamagedFile(f"{printable(path)} is damaged, it is no file: {remedy}")
    try:
        content = parse(path.read_bytes())
        conform(content, shape)
    except (ValueError, TypeError):
        raise DamagedFile(f"{printable(path)} is damaged: {remedy}") from None
    return content


def read_json_lines(path: Path, is_whole: Callable[[Any], bool]) -> tuple[list[Any], int]:
    """The lines of a file of JSON lines that are whole, and how many are not.

    A last line without its end does not count: a process that was killed left it unfinished.

    Args:
      path: of the file.
      is_whole: whether the content of a line has the shape that it should have.

    Raises:
      DamagedFile: there is a folder in its place, or a pipe, which would be waited for.
      OSError: the file cannot be read.
    """
    if not path.is_file():
        raise DamagedFile(f"{printable(path)} is damaged: it is no file")
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
    """The content of JSON in UTF-8.

    Raises:
      ValueError: it is not that.
    """
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
