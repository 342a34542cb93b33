"""A baseline without measurements: single things replaced in a random order, until training gets better."""

import random

from zoo.doctor.confirm import NOTICEABLE, OF_CHANGES
from zoo.doctor.experiments import Experiments, value
from zoo.doctor.program import Program
from zoo.doctor.session import Session


def first_remedy(program: Program, name: str, seconds: float, limit: float) -> list[str]:
    """Returns the cause that the first change which helps stands for, in a list; an empty list if none does.

    Args:
      program: to train with one thing replaced at a time.
      name: that determines the order.
      seconds: after which no further run is made.
      limit: seconds of a whole diagnosis, which the length of runs depends on as the doctor's does.
    """
    session = Session(program, 0, limit)
    experiments = Experiments(session, lambda test: None)
    for change, cause in random.Random(name).sample(OF_CHANGES, len(OF_CHANGES)):
        if session.elapsed > seconds:
            break
        course = experiments.run(change)
        if course is not None and value(course) - value(experiments.own) > NOTICEABLE:
            return [cause]
    return []
