"""Errors that are not bugs, and formatting of their messages: one line with what is wrong, where, and what to do."""

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

MAX_SHOWN_LENGTH = 60  # characters of a value that an error message quotes


class ZooError(Exception):
    """An invalid request, or invalid data or files. Command-line programs print it and exit with status 2."""


class ZooWarning(UserWarning):
    """A condition that does not stop the program, such as a slower fallback or a deprecated name.

    Command-line programs print it as one line.
    """


class DamagedFile(ZooError):
    """A file that the project wrote itself is damaged."""


class DataNotPrepared(ZooError):
    """A known data set has not been prepared on this machine."""


class WeightsMissing(ZooError):
    """A recipe starts from trained weights that were not given, or are not on this machine."""


class WrongWidth(ZooError):
    """A network has another number of outputs than the data has classes.

    Attributes:
      outputs: shape of the outputs of an example.
      classes: number of classes.
    """

    def __init__(self, message: str, *, outputs: tuple[int, ...], classes: int) -> None:
        super().__init__(message)
        self.outputs = outputs
        self.classes = classes


class ImageTooSmall(ZooError):
    """An image is smaller than the network's strides and windows require."""


class ExportDiffers(ZooError):
    """An exported file computes something else than the network that it is from."""


class TrainingInterrupted(ZooError):
    """A signal ended the run early; the state was saved, and the same call resumes it.

    Attributes:
      signum: the signal's number.
      step: the number of optimizer steps that are done and saved.
    """

    def __init__(self, message: str, *, signum: int, step: int) -> None:
        super().__init__(message)
        self.signum = signum
        self.step = step


def unknown(kind: str, name: Any, known: Iterable[str]) -> ZooError:
    """Returns the error for an unknown name, which suggests the nearest known name or lists known names.

    Args:
      kind: the kind of thing named, such as "recipe".
      name: the name that was given.
      known: the names that exist.
    """
    known = sorted(known)
    # Comparing a name of thousands of characters would take minutes.
    close = (
        difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        if isinstance(name, str) and len(name) <= MAX_SHOWN_LENGTH
        else []
    )
    if close:
        hint = f"did you mean {close[0]!r}?"
    elif len(known) <= 12:
        hint = f"expected {'one of ' if len(known) > 1 else ''}{', '.join(known)}" if known else "there are none"
    else:
        hint = f"expected one of {len(known)}, such as {', '.join(known[:5])}"
    return ZooError(f"unknown {kind} {shown(name)}: {hint}")


def shown(value: Any, most: int = MAX_SHOWN_LENGTH) -> str:
    """Returns the `repr` of a value on one line, for error messages; long ones are cut, with their length added."""
    if isinstance(value, str):
        rest = f"... ({len(value):,} characters)" if len(value) > most else ""
        return printable(repr(value[:most])) + rest
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of more than 4,300 digits, or a mapping that contains itself
        text = f"a value of type {type(value).__name__} that is too long to show"
    text = printable(text)
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def listed(items: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """Returns the first few items, joined, and the number of the rest, such as "a, b and 7 more"."""
    more = len(items) - most
    return separator.join(items) if more <= 0 else f"{separator.join(items[:most])} and {more:,} more"


def reason(error: BaseException) -> str:
    """Returns the first line of the message of another package's error; its type if the message is empty."""
    try:
        said = str(error).strip().split("\n")[0]
    except Exception:  # its __str__ fails
        said = ""
    said = printable(said or type(error).__name__)
    return said if len(said) <= 3 * MAX_SHOWN_LENGTH else f"{said[: 3 * MAX_SHOWN_LENGTH]}..."


def printable(name: Any) -> str:
    """Returns a name of a file, class or column as one line of text that is safe to print in a terminal.

    Line breaks, terminal escapes, marks that change the direction of text, and bytes that are not UTF-8 become escapes
    such as `\\x1b`; all other characters, of any language, are unchanged.
    """
    return "".join(letter if _is_harmless(letter) else ascii(letter)[1:-1] for letter in str(name))


def short(name: str, most: int = 100) -> str:
    """Returns a name escaped by `printable`; long ones are cut, with their length added."""
    return printable(name) if len(name) <= most else f"{printable(name[:most])}... ({len(name):,} characters)"


def _is_harmless(letter):
    # Categories: Cc control, Cf format (except the joiners of scripts and emoji), Cs surrogate, Zl and Zp line and
    # paragraph separators, Cn unassigned.
    return letter in "\u200c\u200d" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")
