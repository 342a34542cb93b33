"""The result of a diagnosis: findings with their evidence, and the tests that were run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from zoo.doctor.causes import CAUSES
from zoo.json_files import strict

Verdict = Literal["fault", "none", "not_learnable", "undecided"]
EXIT_STATUS: Mapping[Verdict, int] = {"none": 0, "fault": 1, "undecided": 3, "not_learnable": 3}


@dataclass(frozen=True)
class Finding:
    """A cause that was found.

    Attributes:
      cause: id, a key of `zoo.doctor.causes.CAUSES`.
      confidence: estimated probability that changing it is a remedy, from 0 to 1.
      confirmed: whether replacing that one thing recovered training, or an exact test showed it.
      harmless: whether the fault is present, but training succeeds in spite of it.
      summary: one sentence with the number that shows it.
      where: where to look: a field, a layer, names of files; None if it has no place.
      evidence: the numbers measured, by name.
      healthy: the range of healthy values, in words.
      remedy: what to change.
      decided_by: the test that decided: the name of a rule, and of the experiment that confirmed it.
    """

    cause: str
    confidence: float
    confirmed: bool
    summary: str
    where: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    healthy: str | None = None
    remedy: str = ""
    harmless: bool = False
    decided_by: str = ""


@dataclass(frozen=True)
class Test:
    """A measurement or an experiment.

    Attributes:
      name: of the test.
      status: "done", or "not run".
      detail: what it gave, or why it was not run.
      seconds: that it took.
    """

    name: str
    status: Literal["done", "not run"]
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Diagnosis:
    """What a diagnosis found.

    Attributes:
      subject: name of what was diagnosed.
      verdict: "fault", "none" (no fault was found, and training works), "not_learnable" (the labels do not depend on
        the inputs) or "undecided" (training does not work, and no cause could be shown).
      findings: the most probable cause first; harmless ones last.
      tests: all tests, in the order in which they ran.
      course: the losses of the program's own first steps, and of those with something replaced, by name.
      seconds: the duration.
    """

    subject: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    tests: tuple[Test, ...]
    course: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def exit_status(self) -> int:
        """0 none, 1 fault, 3 undecided or not learnable."""
        return EXIT_STATUS[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Returns the diagnosis as values for JSON."""
        return asdict(self)

    def save(self, folder: str | Path) -> None:
        """Writes `diagnosis.json` and `report.html` into a folder, which is created if necessary."""
        from zoo.doctor.report.page import page  # only when a page is wanted: it draws pictures

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(strict(self.to_json()), indent=1, allow_nan=False)
        (folder / "diagnosis.json").write_text(text + "\n", encoding="utf-8")
        (folder / "report.html").write_text(page(self), encoding="utf-8")

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__  # as a notebook shows it


def _lines(diagnosis):
    words = {
        "fault": "a fault was found",
        "none": "no fault was found",
        "not_learnable": "nothing can be learned from this data",
        "undecided": "training does not work, and no cause could be shown",
    }
    yield f"{diagnosis.subject}: {words[diagnosis.verdict]}"
    for number, finding in enumerate(diagnosis.findings, 1):
        state = "harmless" if finding.harmless else "confirmed" if finding.confirmed else f"{finding.confidence:.0%}"
        yield f"{number}. {CAUSES[finding.cause].name} [{finding.cause}, {state}]: {finding.summary}"
        if finding.healthy:
            yield f"   healthy: {finding.healthy}"
        if finding.where:
            yield f"   where: {finding.where}"
        yield f"   remedy: {finding.remedy or CAUSES[finding.cause].remedy}"
    left = [test for test in diagnosis.tests if test.status == "not run"]
    if left:
        yield "not tested: " + "; ".join(f"{test.name} ({test.detail})" for test in left)
