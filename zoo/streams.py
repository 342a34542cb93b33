"""Output of the command-line programs: standard output and error, consoles, and output files named by flags."""

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from zoo.errors import ZooError, printable

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.data.pipeline import Corrupt

MAX_CORRUPT_NAMED = 5  # undecodable images that are printed by name while a program runs

USAGE_ERROR = 2
MAX_MESSAGE_LENGTH = 4000  # characters; an error message may quote a long value


def prepare_streams(program: str) -> None:
    """Makes the standard streams escape characters that cannot be encoded, and replaces or reports closed streams.

    If a standard stream is closed, the next file that is opened, such as a checkpoint, gets its file descriptor, and
    output of libraries would be written into that file.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the program exits
    if sys.stdout is None:
        end(USAGE_ERROR, f"{program}: standard output is closed: redirect it to {os.devnull} to discard it")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def end(status: int, message: str = "") -> NoReturn:
    """Exits with a status and an optional one-line message on standard error.

    Buffered output that cannot be written is dropped; Python would otherwise retry at exit and print an error.
    """
    message = printable(message)
    if len(message) > MAX_MESSAGE_LENGTH:
        message = f"{message[: MAX_MESSAGE_LENGTH // 2]} ... {message[-MAX_MESSAGE_LENGTH // 2 :]}"
    with contextlib.suppress(OSError):
        if message:
            print(message, file=sys.stderr, flush=True)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not message and status <= USAGE_ERROR:  # the program succeeded, but its output is lost
            end(USAGE_ERROR, f"standard output cannot be written: {error.strerror}")
    sys.exit(status)


def check_output(flag: str, path: Path, *, make_folder: bool = False) -> None:
    """Checks that an output file can be written, so that the error comes before minutes of work.

    Args:
      flag: the flag that names the file, for the message.
      path: the file.
      make_folder: whether to create the file's folder.

    Raises:
      ZooError: the file cannot be written.
    """
    try:
        if path.is_dir():
            raise ZooError(f"{flag}={printable(path)}: it is a folder, and has to be a file")
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        if not new and not path.is_file():
            return  # a device, or a pipe, which would block until it is read
        path.open("ab").close()
        if new:
            path.unlink()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        said = error.strerror if isinstance(error, OSError) else error
        raise ZooError(f"{flag}={printable(path)}: cannot be written: {said}") from None


def make_console(stderr: bool = False) -> "Console":
    """Returns a console for tables and progress: as wide as the terminal, or 200 columns wide in a file or a pipe."""
    from zoo.console import SafeConsole, StrippedLines

    console = SafeConsole(stderr=stderr, highlight=False)
    if console.is_terminal:
        return console
    return SafeConsole(file=StrippedLines(console.file), highlight=False, width=200)  # type: ignore[arg-type]


def corrupt_printer(console: "Console", what: str, most: float = MAX_CORRUPT_NAMED) -> Callable[["Corrupt"], None]:
    """Returns a callback that prints a line for each image that cannot be decoded.

    Args:
      console: prints the lines.
      what: what happens to these images, such as "left out".
      most: number of images after which no more are named.
    """
    from rich.markup import escape

    numbers = itertools.count(1)

    def say(corrupt):
        number = next(numbers)
        if number <= most:
            console.print(escape(printable(f"{what}: {corrupt.example} ({corrupt.reason})")), soft_wrap=True)
        elif number == most + 1:
            console.print(f"{what}: further images that cannot be decoded are not listed", soft_wrap=True)

    return say
