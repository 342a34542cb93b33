"""The program that a case's subject is diagnosed as."""

from verification.doctor.case import Subject
from zoo.doctor import diagnosing
from zoo.doctor.adapters import recipe_changes
from zoo.doctor.diagnosis import Finding
from zoo.doctor.program import Program


def program_of(subject: Subject) -> tuple[Program | None, list[Finding]]:
    """Returns the program of a subject as `zoo.diagnose` makes it, or one with a fault that no recipe can have.

    With findings that are known before there is a program, there is none.
    """
    if subject.program is None:
        return diagnosing.program_of(subject.recipe, subject.model, subject.data, subject.loss)
    given = recipe_changes.Subject(subject.data, subject.model, subject.loss)
    return subject.program(subject.recipe.model.name, subject.recipe, given), []
