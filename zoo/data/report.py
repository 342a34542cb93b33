"""The report of a data set: what was found and what is used, for the terminal and for `data.json`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.split import Split
from zoo.errors import printable, short

MAX_CLASSES = 10  # classes that are listed
MAX_NAME_LENGTH = 40  # characters of a class name
MAX_LEFT_OUT = 5  # lines about what is left out


@dataclass(frozen=True)
class Report:
    """The contents of a data set.

    Attributes:
      spec: the name of the data set.
      examples: the word for its examples: "images" or "examples".
      class_names: names of all classes.
      train, eval: number of examples of each class; None if labels are only known by reading every example.
      totals: number of training and of evaluation examples.
      left_out: one line per kind of file or folder that was found but is not used.
      notes: further remarks, one per line.
      digest: hexadecimal hash of all examples, with their order, labels and splits; None if a split does not support
        it.
    """

    spec: str
    examples: str
    class_names: tuple[str, ...]
    train: tuple[int, ...] | None
    eval: tuple[int, ...] | None
    totals: tuple[int, int]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    digest: str | None

    def lines(self) -> list[str]:
        """Formats the report: totals, training + evaluation examples of each class, what is left out, and notes."""
        training, evaluation = self.totals
        lines = [
            f"{self.spec}: {training:,} training and {evaluation:,} evaluation {self.examples},"
            f" {len(self.class_names):,} classes"
        ]
        if self.train is not None and self.eval is not None:
            rows = list(zip(self.class_names, self.train, self.eval, strict=True))
            named = ", ".join(
                f"{short(name, MAX_NAME_LENGTH)} {some:,} + {others:,}" for name, some, others in rows[:MAX_CLASSES]
            )
            more = f" and {len(rows) - MAX_CLASSES:,} more" if len(rows) > MAX_CLASSES else ""
            lines.append(f"{named}{more}")
        if self.left_out:
            rest = len(self.left_out) - MAX_LEFT_OUT
            more = f"; and {rest:,} more, see data.json" if rest > 0 else ""
            lines.append(f"left out: {'; '.join(self.left_out[:MAX_LEFT_OUT])}{more}")
        return [printable(line) for line in (*lines, *self.notes)]

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON; `examples by class` maps each class to [training, evaluation]."""
        counts = None
        if self.train is not None and self.eval is not None:
            counts = {
                name: [some, others] for name, some, others in zip(self.class_names, self.train, self.eval, strict=True)
            }
        return {
            "source": self.spec,
            "training": self.totals[0],
            "evaluation": self.totals[1],
            "examples by class": counts,
            "left out": list(self.left_out),
            "notes": list(self.notes),
            "digest": self.digest,
        }


def make_report(
    spec: str,
    examples: str,
    class_names: Sequence[str],
    train: Split,
    eval: Split,
    *,
    left_out: Sequence[str],
    notes: Sequence[str],
) -> Report:
    """Makes the report of a data set; see `Report` for the arguments."""
    training, evaluation = (
        None if split.labels is None else _counts(split.labels, len(class_names)) for split in (train, eval)
    )
    return Report(
        spec,
        examples,
        tuple(class_names),
        training,
        evaluation,
        (len(train), len(eval)),
        tuple(left_out),
        tuple(notes),
        _digest((train, eval)),
    )


def _counts(labels: np.ndarray, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=classes).tolist())


def _digest(splits: Sequence[Split]) -> str | None:
    """Hashes the examples of all splits, see `Split.identify`; None if a split has no such method."""
    whole = hashlib.blake2b(digest_size=16)
    for split in splits:
        identify = getattr(split, "identify", None)
        if identify is None:
            return None
        identify(whole.update)
        whole.update(b"\0split\0")
    return whole.hexdigest()
