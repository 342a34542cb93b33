"""Where programs write: standard output and error, whatever these are, and files that are asked for."""

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from zoo.errors import ZooError, printable

if TYPE_CHECKING:
    from zoo.data.pipeline import Corrupt

MOST_CORRUPT = 5  # images that are named while a program goes on

USAGE_ERROR = 2
LONGEST_LINE = 4000  # letters of an error, of which a value of somebody's may be most


def prepare_streams(program: str) -> None:
    """Lets names that the terminal cannot show pass as escapes, and sees to it that there are streams at all.

    Where one is closed, the next file that is opened, a checkpoint perhaps, gets its number, and what others print goes
    into that file.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the program runs
    if sys.stdout is None:
        end(USAGE_ERROR, f"{program}: standard output is closed: send it to {os.devnull} if nobody wants it")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def end(status: int, message: str = "") -> NoReturn:
    """Ends the program with a line. Output that cannot be written is dropped, or Python would try again and complain."""
    message = printable(message)
    if len(message) > LONGEST_LINE:
        message = f"{message[: LONGEST_LINE // 2]} ... {message[-LONGEST_LINE // 2 :]}"
    with contextlib.suppress(OSError):
        if message:
            print(message, file=sys.stderr, flush=True)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not message and status <= USAGE_ERROR:  # the program has done what it should, and nobody can read it
            end(USAGE_ERROR, f"standard output cannot be written: {error.strerror}")
    sys.exit(status)


class _Console(Console):
    """A console that lets no name of a file or a class speak to the terminal, see `printable`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with 1

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ZooError(f"the output cannot be written: {error.strerror}") from error


def check_output(flag: str, path: Path, *, make_folder: bool = False) -> None:
    """Raises `ZooError` unless a file can be written: to be told now, and not after minutes of work.

    Args:
      flag: that asks for it.
      path: of the file.
      make_folder: whether to make the folder that it is for.
    """
    try:
        if path.is_dir():
            raise ZooError(f"{flag}={printable(path)}: it is a folder, and has to be a file")
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        if not new and not path.is_file():
            return  # a device, or a pipe, which would wait for its reader
        path.open("ab").close()
        if new:
            path.unlink()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        said = error.strerror if isinstance(error, OSError) else error
        raise ZooError(f"{flag}={printable(path)}: it cannot be written: {said}") from None


def make_console(stderr: bool = False) -> Console:
    """Where tables and progress go: as wide as the terminal, or wide enough for any table in a file or a pipe."""
    console = _Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else _Console(stderr=stderr, highlight=False, width=200)


def corrupt_printer(console: Console, what: str) -> Callable[["Corrupt"], None]:
    """Prints a line about each image that cannot be decoded, of thousands the first few; `what` says what comes of them."""
    numbers = itertools.count(1)

    def say(corrupt):
        number = next(numbers)
        if number <= MOST_CORRUPT:
            console.print(escape(printable(f"{what}: {corrupt.example} ({corrupt.reason})")), soft_wrap=True)
        elif number == MOST_CORRUPT + 1:
            console.print(f"{what}: more images that cannot be decoded, which are not named here", soft_wrap=True)

    return say
