"""What can go wrong that is not a bug: each error is one line that says what is wrong, where, and what to do."""

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST_ECHO = 60  # letters of a value that an error shows


class ZooError(Exception):
    """A mistake in what was asked for, or in the data or files given. Command-line programs print it and exit with 2."""


class ZooWarning(UserWarning):
    """Something is slower or less than it could be, and all goes on. Command-line programs print it as one line."""


class DamagedFile(ZooError):
    """A file that the project wrote itself is no longer what it was."""


class DataNotPrepared(ZooError):
    """A data set is known, but is not on this machine yet."""


class ImageTooSmall(ZooError):
    """An image has fewer pixels than the network's strides and windows need."""


class TrainingInterrupted(ZooError):
    """A signal ended the run early; the state was saved, and the same call goes on from there.

    Attributes:
      signum: the signal's number.
      step: the optimizer steps that are done and saved.
    """

    def __init__(self, message: str, *, signum: int, step: int) -> None:
        super().__init__(message)
        self.signum = signum
        self.step = step


def unknown(kind: str, name: Any, known: Iterable[str]) -> ZooError:
    """The error for a name that is not among `known`: names the nearest one, or all of a few.

    Args:
      kind: what the name stands for, such as "recipe".
      name: the name that was given.
      known: the names that exist.
    """
    known = sorted(known)
    # A name of thousands of letters is near to none, and comparing it would take minutes.
    close = (
        difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        if isinstance(name, str) and len(name) <= LONGEST_ECHO
        else []
    )
    if close:
        hint = f"did you mean {close[0]!r}?"
    elif len(known) <= 12:
        hint = f"there is {', '.join(known)}" if known else "there is none"
    else:
        hint = f"there are {len(known)}, such as {', '.join(known[:5])}"
    return ZooError(f"unknown {kind} {shown(name)}: {hint}")


def shown(value: Any, most: int = LONGEST_ECHO) -> str:
    """A value as Python writes it, in one line for an error; of a long one the beginning, and how long it is."""
    if isinstance(value, str):
        rest = f"... ({len(value):,} characters)" if len(value) > most else ""
        return printable(repr(value[:most])) + rest
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of more than 4,300 digits, or a mapping that is in itself
        text = f"a {type(value).__name__} that is too long to be shown"
    text = printable(text)
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def listed(items: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """The first few of many, and how many more there are."""
    more = len(items) - most
    return separator.join(items) if more <= 0 else f"{separator.join(items[:most])} and {more:,} more"


def reason(error: BaseException) -> str:
    """What an error of somebody else's code says, as a part of one line; what kind it is if it says nothing."""
    try:
        said = str(error).strip().split("\n")[0]
    except Exception:  # whoever wrote the error has not tried it
        said = ""
    said = printable(said or type(error).__name__)
    return said if len(said) <= 3 * LONGEST_ECHO else f"{said[: 3 * LONGEST_ECHO]}..."


def printable(name: Any) -> str:
    """A name of a file, a class or a column as one line of text that does nothing to a terminal.

    Line breaks, terminal escapes, marks that turn the direction of writing, and bytes that are not UTF-8 are written as
    Python would, such as `\\x1b`; all other letters of whatever language stay.
    """
    return "".join(letter if _is_harmless(letter) else ascii(letter)[1:-1] for letter in str(name))


def short(name: str, most: int = 100) -> str:
    """A name as `printable` has it; of a long one the beginning, and how long it is."""
    return printable(name) if len(name) <= most else f"{printable(name[:most])}... ({len(name):,} characters)"


def _is_harmless(letter):
    # Categories: Cc control, Cf format (of which the joiners of scripts and emoji are wanted), Cs surrogate, Zl and Zp
    # separators of lines and paragraphs, Cn not assigned.
    return letter in "\u200c\u200d" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")
