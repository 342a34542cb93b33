"""A fully connected network with eight schedules from the same peak, after the same warm-up but for the last but one, which
is a warm-up for almost half of the run. The last one divides by ten after three evaluations that were not better.
"""

from typing import Any

from zoo.recipe import (
    ConstantRate,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Step,
    Study,
)

from . import MLP

RATE: dict[str, Any] = {"peak": 0.1, "warmup": 0.1}

STUDY = Study(
    title="Schedules of the learning rate",
    base=MLP.override({"schedule": ConstantRate(**RATE), "budget.evaluate_every": 0.05}),
    variants={
        "constant": {},
        "cosine": {"schedule": Cosine(**RATE)},
        "line": {"schedule": Polynomial(**RATE)},
        "a tenth at each third": {"schedule": Step(**RATE, every=1 / 3, factor=0.1)},
        "a tenth at 1/2 and 3/4": {"schedule": MultiStep(**RATE, boundaries=(0.5, 0.75), factor=0.1)},
        "exponential": {"schedule": Exponential(**RATE, final=0.01)},
        "one cycle": {"schedule": OneCycle(peak=0.1)},
        "on plateaus": {"schedule": ReduceOnPlateau(**RATE, patience=3)},
    },
    description=__doc__,
    conclusion="The rate that stays comes to 0.776 with a loss of 0.66, and every one that falls to 0.82 or more with less"
    " than 0.50. Best are those that fall all the way down in a curve or a line, cosine, line, exponential and one"
    " cycle, with 0.835 to 0.841, before those that fall in jumps, with 0.821 to 0.829; within these groups three"
    " seeds tell nothing apart.",
)
