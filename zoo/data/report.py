"""What was found of a data set, and what of it is used: for the terminal, for the folder of a run, and for messages."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.split import Split
from zoo.errors import printable, short

MOST_CLASSES = 10  # that are named one by one
LONGEST_NAME = 40  # letters of a class that is named
MOST_LINES = 5  # about what is left out


@dataclass(frozen=True)
class Report:
    """What a data set has.

    Attributes:
      spec: how it was asked for.
      examples: what its examples are called, in the plural.
      class_names: of all classes.
      train, eval: examples of each class; None where labels can only be had by reading every example.
      totals: of training and of evaluation.
      left_out: a line about each kind of thing that was seen and is not used.
      notes: lines about what else to know.
      digest: hexadecimal digits that change with any example, its place, its label or its side; None where that is not known.
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
        """For people: the totals, the classes with their training and evaluation examples, what is left out, and the notes."""
        training, evaluation = self.totals
        lines = [
            f"{self.spec}: {training:,} training and {evaluation:,} evaluation {self.examples}, {len(self.class_names):,} classes"
        ]
        if self.train is not None and self.eval is not None:
            rows = list(zip(self.class_names, self.train, self.eval, strict=True))
            named = ", ".join(
                f"{short(name, LONGEST_NAME)} {some:,} + {others:,}" for name, some, others in rows[:MOST_CLASSES]
            )
            more = f" and {len(rows) - MOST_CLASSES:,} more" if len(rows) > MOST_CLASSES else ""
            lines.append(f"{named}{more}")
        if self.left_out:
            rest = len(self.left_out) - MOST_LINES
            listed = "; ".join(self.left_out[:MOST_LINES]) + (f"; and {rest:,} more, see data.json" if rest > 0 else "")
            lines.append(f"left out: {listed}")
        return [printable(line) for line in (*lines, *self.notes)]

    def to_json(self) -> dict[str, Any]:
        """All of it; `examples by class` has [training, evaluation] for each class."""
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
    """The report of a data set; arguments are its fields, see `Report`."""
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
    """Of what each split says of its examples, see `Split.identify`; None if one says nothing."""
    whole = hashlib.blake2b(digest_size=16)
    for split in splits:
        identify = getattr(split, "identify", None)
        if identify is None:
            return None
        identify(whole.update)
        whole.update(b"\0split\0")
    return whole.hexdigest()
