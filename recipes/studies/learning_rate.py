"""LeNet-5 with four learning rates, all else the same: a rate that is too high throws the weights about, one that is too
low hardly moves them.
"""

from recipes.studies import LENET5
from zoo.recipe import Study

STUDY = Study(
    title="Learning rate: too low, right, too high",
    base=LENET5,
    variants={
        "too low, 0.0001": {"schedule.peak": 1e-4},
        "right, 0.05": {},
        "too high, 1": {"schedule.peak": 1.0},
        "far too high, 10": {"schedule.peak": 10.0},
    },
    description=__doc__,
)
