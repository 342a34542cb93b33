"""The console on which programs print tables and progress."""

import re
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from zoo.errors import ZooError, printable


class StrippedLines:
    """A text stream that leaves out the spaces with which tables fill their lines, for files and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes text without the spaces before its line ends."""
        return self._stream.write(re.sub(r" +(?=\n)", "", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class SafeConsole(Console):
    """A console that escapes control characters in names of files and classes, see `printable`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with status 1

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ZooError(f"the output cannot be written: {error.strerror}") from error


class Column(NamedTuple):
    """A column of a table.

    Attributes:
      heading: above it.
      cells: its texts, from the first row to the last.
      numeric: whether they are aligned to the right.
      wraps: whether they are of several words, and may take several lines.
      needed: how much it is needed: where the table is wider than the terminal, the columns with the smallest numbers
        are left out first, and those without a number never.
      footer: below it, such as a sum.
    """

    heading: str
    cells: Sequence[str]
    numeric: bool = False
    wraps: bool = False
    needed: int | None = None
    footer: str = ""


UNLIMITED = 10_000  # characters
WRAPPED_WIDTH = 14  # characters that a column of several words has at least


def print_table(console: Console, columns: Sequence[Column], title: str = "", more: str = "") -> None:
    """Prints a table with as many of its columns as fit into the width of the console.

    Args:
      console: prints it.
      columns: from left to right.
      title: above the table.
      more: where the columns that are left out can be seen, such as "--json has all".
    """
    kept = list(columns)
    optional = sorted((each for each in columns if each.needed is not None), key=lambda each: each.needed or 0)
    left_out: list[Column] = []
    while optional and not fits(console, kept):
        left_out.append(optional.pop(0))
        kept.remove(left_out[-1])
    console.print(_table(kept, title))
    if left_out:
        names = ", ".join(each.heading for each in columns if each in left_out)
        console.print(escape(f"left out in this width: {names}{'; ' if more else ''}{more}"), style="dim")


def fits(console: Console, columns: Sequence[Column]) -> bool:
    """Returns whether a table is at most as wide as the console."""
    unlimited = console.options.update(max_width=UNLIMITED)
    return console.measure(_table(columns), options=unlimited).minimum <= console.width


def _table(columns, title=""):
    table = Table(box=box.SIMPLE_HEAD, title=escape(title) or None, show_footer=any(each.footer for each in columns))
    for each in columns:
        width = max(len(text) for text in (each.heading, each.footer, *each.cells))
        table.add_column(
            escape(each.heading),
            escape(each.footer),
            justify="right" if each.numeric else "left",
            no_wrap=not each.wraps,
            min_width=min(width, WRAPPED_WIDTH) if each.wraps else width,
        )
    for row in zip(*(each.cells for each in columns), strict=True):
        table.add_row(*map(escape, row))
    return table
