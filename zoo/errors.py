"""What can go wrong that is not a bug: each error is one line that says what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable, Sequence


class ZooError(Exception):
    """A mistake in what was asked for, or in the data or files given. Command-line programs print it and exit with 2."""


class ZooWarning(UserWarning):
    """Something is slower or less than it could be, and all goes on. Command-line programs print it as one line."""


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


def unknown(kind: str, name: str, known: Iterable[str]) -> ZooError:
    """The error for a name that is not among `known`: names the nearest one, or all of a few.

    Args:
      kind: what the name stands for, such as "recipe".
      name: the name that was given.
      known: the names that exist.
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        hint = f"did you mean {close[0]!r}?"
    elif len(known) <= 12:
        hint = f"there is {', '.join(known)}" if known else "there is none"
    else:
        hint = f"there are {len(known)}, such as {', '.join(known[:5])}"
    return ZooError(f"unknown {kind} {name!r}: {hint}")


def shown(text: str, most: int = 60) -> str:
    """A text as errors quote it: in quotation marks, on one line, and cut where it is long."""
    return repr(text) if len(text) <= most else f"{text[:most]!r}... ({len(text):,} characters)"


def listed(items: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """The first few of many, and how many more there are."""
    more = len(items) - most
    return separator.join(items) if more <= 0 else f"{separator.join(items[:most])} and {more:,} more"
