"""Study of four learning rates for LeNet-5 with everything else unchanged: one that is too high makes the weights jump,
and one that is too low hardly changes them.
"""

from zoo.recipe import Study

from . import LENET5

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
    conclusion="At 0.05 the network reaches the target after 120 steps on average; at 0.0001 the loss falls very"
    " slowly, and after all 300 steps it is 2.07, hardly below ln 10 = 2.30, which is chance. At 1 and at"
    " 10 the loss soon jumps far above its initial value and no seed reaches the target: a loss that hardly"
    " falls calls for a higher learning rate, one that jumps for a lower.",
)
