"""Experiments: training again with one thing replaced, to see whether that recovers what a healthy run reaches."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.doctor.changes import named
from zoo.doctor.diagnosis import Test
from zoo.doctor.program import can
from zoo.doctor.session import Session
from zoo.doctor.trial import Course, own_course, run
from zoo.errors import reason

RECOVERED = 0.7  # of the distance between the program's own run and the best one, from which a change is a remedy
# Replaced all at once, these give a run that learns whatever can be learned by this network from this data.
ALL = {
    "standardize": True,
    "loss": "cross_entropy",
    "optimizer": "adam",
    "regularization": False,
    "augmentation": False,
    "shuffle": True,
}


@dataclass
class Experiments:
    """The experiments of a diagnosis.

    Attributes:
      session: of the diagnosis.
      on_test: called with each experiment when it is done.
      courses: their results by name; "as it is" is the program's own run.
      refused: names of those that could not be made.
    """

    session: Session
    on_test: Callable[[Test], None]
    courses: dict[str, Course] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.courses["as it is"] = own_course(self.session)

    @property
    def own(self) -> Course:
        """The program's own run."""
        return self.courses["as it is"]

    @property
    def possible(self) -> bool:
        """Whether the program can be varied, and there is time for another run."""
        return can(self.session.program, "variant") and self.session.remaining > 1.2 * self.own.seconds + 1

    def run(self, changes: Mapping[str, Any]) -> Course | None:
        """Trains with some things replaced, as many steps as the program's own run; None if that is not possible."""
        name = named(changes)
        if name in self.courses:
            return self.courses[name]
        if name in self.refused:
            return None
        if not self.possible:
            self._refuse(name, f"the time of {self.session.seconds:g} s is over")
            return None
        try:
            others = {each: value for each, value in changes.items() if each != "steps"}
            program = self.session.program.variant(**others)  # type: ignore[attr-defined]
            times = changes.get("steps", 1)
            limit = max(3 * times * self.own.seconds, 5.0)
            course = run(self.session, program, max(self.own.steps, 1) * times, min(limit, self.session.remaining))
        except KeyError as error:
            self._refuse(name, f"the program cannot replace {error.args[0]}")
            return None
        except Exception as error:  # as a measurement, an experiment with a user's program may fail in any way
            self._refuse(name, f"{type(error).__name__}: {reason(error)}")
            return None
        self.courses[name] = course
        detail = f"accuracy {course.eval_accuracy:.3f} after {course.steps} steps" if course.finite else "diverged"
        self.on_test(Test(f"with {name}", "done", detail, course.seconds))
        return course

    def _refuse(self, name: str, why: str) -> None:
        self.refused.add(name)
        self.on_test(Test(f"with {name}", "not run", why))

    def supported(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Returns those of some changes that the program can make."""
        kept = {}
        for name, value in changes.items():
            try:
                self.session.program.variant(**{name: value})  # type: ignore[attr-defined]
            except KeyError:
                continue
            except Exception:  # a change that this program is not compatible with
                continue
            kept[name] = value
        return kept

    @property
    def best(self) -> float:
        """The best accuracy of all runs so far."""
        return max(value(course) for course in self.courses.values())

    def recovery(self, course: Course) -> float:
        """Returns the part of the distance between the program's own run and the best one that a run recovers."""
        distance = self.best - value(self.own)
        return (value(course) - value(self.own)) / distance if distance > 0 else 0.0


def value(course: Course) -> float:
    """Returns what runs are compared by: held-out accuracy; that of the commonest class for a run that diverged."""
    return course.eval_accuracy if course.finite else min(course.eval_accuracy, course.majority)


def smallest(experiments: Experiments, changes: Mapping[str, Any]) -> Iterator[str]:
    """Yields the names of the changes that are needed together, by leaving out one after the other."""
    needed = dict(changes)
    for name in changes:
        fewer = {each: value for each, value in needed.items() if each != name}
        if not fewer:
            break
        course = experiments.run(fewer)
        if course is not None and experiments.recovery(course) >= RECOVERED:
            needed = fewer
    yield from needed
