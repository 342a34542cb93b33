"""The interface between measurements, which know nothing of causes, and rules, which know nothing of programs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.doctor.session import Session

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Measurement:
    """A measurement of a program.

    Attributes:
      name: of the measurement, such as "labels"; rules find its values under it.
      run: measures; returns numbers by name. An exception means that it could not be made, which ends nothing.
      needs: capabilities of the program that it requires, see `zoo.doctor.program.Capabilities`.
      seconds: about how long it takes for a small network.
    """

    name: str
    run: Callable[[Session], Values]
    needs: tuple[str, ...] = ()
    seconds: float = 1.0


@dataclass(frozen=True)
class Suspicion:
    """A cause that the evidence points to.

    Attributes:
      cause: id, see `zoo.doctor.causes.CAUSES`.
      rule: name of the rule.
      score: the rule's statistic: the larger, the more it points to the cause. Confidence is learned as a function of
        it.
      summary, where, evidence, healthy, remedy: as in `zoo.doctor.diagnosis.Finding`.
      exact: whether the evidence alone shows that the fault is present, without chance.
      fatal: whether the fault, if it is present, makes training or evaluation wrong in itself, so that no experiment
        has to confirm it.
      change: arguments of `Program.variant` that replace this one thing; empty if there are none.
    """

    cause: str
    rule: str
    score: float
    summary: str
    where: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    healthy: str | None = None
    remedy: str = ""
    exact: bool = False
    fatal: bool = False
    change: Mapping[str, Any] = field(default_factory=dict)


# A rule reads the values of all measurements that were made, by name, and yields what they point to. Measurements that
# were not made are missing: a rule that needs them yields nothing.
Rule = Callable[[Mapping[str, Values]], Iterator[Suspicion]]
