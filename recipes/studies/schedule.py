"""Study of eight learning rate schedules for a fully connected network, with the same peak and the same warm-up, except
that one cycle has a warm-up of almost half of the run. The last one divides the rate by ten after three evaluations
without improvement.
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
    title="Learning rate schedules",
    base=MLP.override({"schedule": ConstantRate(**RATE), "budget.evaluate_every": 0.05}),
    variants={
        "constant": {},
        "cosine": {"schedule": Cosine(**RATE)},
        "linear": {"schedule": Polynomial(**RATE)},
        "a tenth at each third": {"schedule": Step(**RATE, every=1 / 3, factor=0.1)},
        "a tenth at 1/2 and 3/4": {"schedule": MultiStep(**RATE, boundaries=(0.5, 0.75), factor=0.1)},
        "exponential": {"schedule": Exponential(**RATE, final=0.01)},
        "one cycle": {"schedule": OneCycle(peak=0.1)},
        "on plateaus": {"schedule": ReduceOnPlateau(**RATE, patience=3)},
    },
    description=__doc__,
    conclusion="The constant rate reaches 0.776 with a loss of 0.66, and every decaying one 0.82 or more with less"
    " than 0.50. Smooth decay to a small rate is best, cosine, linear, exponential and one cycle, with"
    " 0.835 to 0.841, before decay in steps, with 0.821 to 0.829; three seeds do not distinguish the"
    " schedules within these groups.",
)
