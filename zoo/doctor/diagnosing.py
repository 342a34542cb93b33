"""`zoo.diagnose`: why a training program does not converge."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn

from zoo.data.dataset import Dataset
from zoo.data.sources import open_data
from zoo.differences import nearest_recipe
from zoo.doctor import reference
from zoo.doctor.adapters.recipe_changes import Subject
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.doctor.collect import collect
from zoo.doctor.decide import decide
from zoo.doctor.diagnosis import Diagnosis, Finding, Test
from zoo.doctor.evidence import Suspicion, Values
from zoo.doctor.program import Program, check_program
from zoo.doctor.rules import suspicions
from zoo.doctor.session import Session
from zoo.errors import WrongWidth, ZooError, shown
from zoo.recipe import Recipe
from zoo.training.run.files import RunFiles


class Examination(NamedTuple):
    """A diagnosis with everything that it was decided by.

    Attributes:
      diagnosis: the result.
      evidence: the values of all measurements, by name.
      suspicions: what the evidence points to, the improbable included.
    """

    diagnosis: Diagnosis
    evidence: Mapping[str, Values]
    suspicions: list[Suspicion]


def diagnose(
    subject: Recipe | Program | str | Path,
    *,
    model: nn.Module | None = None,
    dataset: Dataset | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    like: str | None = None,
    seconds: float = 120.0,
    seed: int = 0,
    on_test: Callable[[Test], None] = lambda test: None,
) -> Diagnosis:
    """Finds out why a training program does not converge; trains for a short time with single things replaced.

    The subject is left as it was: no file, parameter or generator of it changes.

    Args:
      subject: a recipe; the path of a run folder, whose recipe and data are diagnosed; or a `zoo.doctor.Program`.
      model: a custom network instead of the recipe's.
      dataset: custom data instead of the recipe's.
      loss: a custom loss (outputs [N, K], labels [N]) -> scalar or [N], instead of the recipe's.
      like: name of a built-in recipe to compare with; None for the nearest one of the same network and data, if any.
      seconds: about how long it may take; measurements come first, and experiments use the rest.
      seed: of the runs.
      on_test: called with each test when it is done.

    Raises:
      ZooError: the subject is none of these, or its parts do not match.
    """
    if not seconds > 0:
        raise ZooError(f"doctor: seconds must be positive, not {shown(seconds)}")
    program, early = program_of(subject, model, dataset, loss)
    if program is None:
        return Diagnosis(_name(subject), "fault", tuple(early), ())
    if like is None and isinstance(program, RecipeProgram) and model is None:
        like = nearest_recipe(program.recipe)
    return examine(program, like=like, seconds=seconds, seed=seed, on_test=on_test).diagnosis


def examine(
    program: Program,
    *,
    like: str | None = None,
    seconds: float = 120.0,
    seed: int = 0,
    on_test: Callable[[Test], None] = lambda test: None,
) -> Examination:
    """Diagnoses a program; returns what `diagnose` does with everything that it was decided by."""
    tests: list[Test] = []

    def record(test):
        tests.append(test)
        on_test(test)

    session = Session(program, seed, seconds, like)
    evidence = collect(session, record)
    suspected = [*suspicions(evidence), *reference.suspicions(session)]
    verdict, findings, experiments = decide(session, evidence, suspected, record)
    course = {name: each.to_json() for name, each in experiments.courses.items()}
    diagnosis = Diagnosis(program.name, verdict, findings, tuple(tests), course, session.elapsed)
    return Examination(diagnosis, evidence, suspected)


def _name(subject):
    return subject.model.name if isinstance(subject, Recipe) else str(subject)


def program_of(
    subject: Any, model: nn.Module | None, dataset: Dataset | None, loss: Callable | None
) -> tuple[Program | None, list[Finding]]:
    """Returns the program, or the findings that make it impossible to run one."""
    name = None
    if isinstance(subject, str | Path):
        identity = RunFiles(subject).read_identity()
        name, subject = str(subject), Recipe.from_json(identity["recipe"])
    if not isinstance(subject, Recipe):
        if model is not None or dataset is not None or loss is not None:
            raise ZooError("doctor: model, dataset and loss belong to a recipe, not to a program of one's own")
        return check_program(subject), []
    try:
        given = Subject(dataset or open_data(subject.data), model, loss)
        program: Program = RecipeProgram(name or subject.model.name, subject, given)
    except WrongWidth as error:
        outputs = "x".join(map(str, error.outputs))
        finding = Finding(
            "head_width",
            1.0,
            True,
            f"the network has {outputs} outputs, and the data {error.classes} classes",
            "the last layer",
            {"outputs": outputs, "classes": error.classes},
            "as many outputs as classes",
            f"give the last layer {error.classes} outputs",
            decided_by="wrong width",
        )
        return None, [finding]
    return program, []
