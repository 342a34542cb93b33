"""The program that a case's subject is diagnosed as."""

from verification.doctor.case import Subject
from zoo.doctor.adapters import recipe_program
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.doctor.program import Program


def program_of(subject: Subject) -> Program:
    """Returns the program of a subject, as `zoo.diagnose` makes it, or one with a fault that no recipe can have."""
    kind = subject.program or RecipeProgram
    given = recipe_program.Subject(subject.data, subject.model, subject.loss)
    return kind(subject.recipe.model.name, subject.recipe, given)
