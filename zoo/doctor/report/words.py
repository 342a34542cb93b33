"""Words and numbers that the reports in a terminal and on a page have in common."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.doctor.causes import CAUSES
from zoo.errors import printable
from zoo.page.values import value_text

# Those of `zoo.doctor.diagnosis`, which imports this package to save a page, and is not imported in return.
Diagnosis = Any
Finding = Any
Test = Any

VERDICTS: Mapping[str, str] = {
    "fault": "a fault was found",
    "none": "no fault was found, and training works",
    "not_learnable": "nothing can be learned from this data: the labels do not depend on the inputs",
    "undecided": "training does not work, and no cause could be shown",
}

# A line to copy: an override of a recipe's field, or code between backticks.
CODE = re.compile(r"""`(?P<code>[^`]+)`|(?P<flag>--set=(?:'[^']*'|"[^"]*"|[^\s'"])+)""")


def name_of(finding: Finding) -> str:
    """Returns the name of a finding's cause, as the beginning of a sentence."""
    name = CAUSES[finding.cause].name
    return name[:1].upper() + name[1:]


def state_of(finding: Finding) -> str:
    """Returns whether a finding is harmless or confirmed, or else its probability."""
    if finding.harmless:
        return "harmless"
    return "confirmed" if finding.confirmed else f"{finding.confidence:.0%}"


def remedy_of(finding: Finding) -> tuple[str, tuple[str, ...]]:
    """Returns the remedy of a finding in words, and the lines to copy: code that it ends with, and all overrides."""
    remedy = printable(finding.remedy or CAUSES[finding.cause].remedy)
    flags: list[str] = []
    lines: list[str] = []
    end = len(remedy)
    for match in reversed(list(CODE.finditer(remedy))):
        at_end = remedy[match.end() : end].strip(" ,;.") in ("", "and")
        if match[0].endswith("..."):
            continue  # an override to be completed, which cannot be copied
        if match["flag"]:
            flags.insert(0, match["flag"].rstrip(".,;"))
        elif match["code"] and at_end:
            lines.insert(0, match["code"])
        if at_end:
            end = match.start()
    return remedy[:end].rstrip(" :,;"), (*([" ".join(flags)] if flags else []), *lines)


def stopped(text: str) -> str:
    """Returns a text as one printable line that ends with a full stop."""
    text = printable(text).strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def sentence(text: str) -> str:
    """Returns a text as a sentence; its first word keeps its case if it is a name, such as that of a layer."""
    text = stopped(text)
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+[ ,:]", text) else text


def left_out(tests: Iterable[Test]) -> dict[str, list[str]]:
    """Returns the names of the tests that were not run, by the reason."""
    reasons: dict[str, list[str]] = {}
    for test in tests:
        if test.status == "not run":
            reasons.setdefault(printable(test.detail) or "no reason is known", []).append(printable(test.name))
    return reasons


def course_text(name: str, course: Mapping[str, Any]) -> str:
    """Returns a sentence about a short run: its losses and its accuracies."""
    losses = [loss for loss in course.get("losses", ()) if loss is not None]
    if not losses:
        return f"{printable(name)}: no step was made"
    first, last, steps = losses[0], ending(losses), len(losses)
    text = f"{printable(name)}: loss {value_text(float(first))} to {value_text(last)} in {steps:,} steps"
    if not course.get("finite", True):
        return f"{text}, then not finite"
    accuracies = [
        f"{value_text(course[key])} {words}"
        for key, words in (("train_accuracy", "in training"), ("eval_accuracy", "in evaluation"))
        if course.get(key) is not None
    ]
    if accuracies:
        text += f"; accuracy {' and '.join(accuracies)}"
    majority = course.get("majority")
    return text if majority is None else f"{text}, where the commonest class has {value_text(majority)}"


def ending(losses: Sequence[float]) -> float:
    """Returns the mean of the last tenth of the losses, which a single batch does not decide."""
    return float(np.mean(losses[-max(len(losses) // 10, 1) :]))
