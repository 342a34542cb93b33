"""Study of a learning rate for LeNet-5 that is constant for half of the run and then falls by exp(-0.1) in each
hundredth of it, as over the 100 epochs of example 2 of the article "Why does AlexNet fail to converge in
TensorFlow?" (2025), and of a constant one.
"""

import math

from zoo.recipe import ConstantRate, Exponential, Study

from . import LENET5

STUDY = Study(
    title="Constant learning rate, and exponential decay after half of the run",
    base=LENET5.override({"schedule": ConstantRate(peak=0.1)}),
    variants={
        "constant": {},
        "decays after half of the run": {"schedule": Exponential(peak=0.1, constant=0.5, final=math.exp(-5))},
    },
    description=__doc__,
    conclusion="The constant learning rate reaches 0.798 and the one that decays 0.828, with a loss of 0.48 instead"
    " of 0.57. Until the middle of the run the two are identical; from there on the loss keeps fluctuating"
    " at the constant rate and falls at the other.",
)
