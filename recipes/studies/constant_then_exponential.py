"""LeNet-5 with a rate that stays, and with one that stays for half of the run and then falls by exp(-0.1) in each hundredth:
example 2 of the article "Why does AlexNet fail to converge in TensorFlow?" (2025), which does so over 100 epochs.
"""

import math

from zoo.recipe import ConstantRate, Exponential, Study

from . import LENET5

STUDY = Study(
    title="A rate that stays, and one that falls exponentially after half of the run",
    base=LENET5.override({"schedule": ConstantRate(peak=0.1)}),
    variants={
        "stays": {},
        "falls after half of the run": {"schedule": Exponential(peak=0.1, constant=0.5, final=math.exp(-5))},
    },
    description=__doc__,
    conclusion="The rate that stays comes to 0.798 and the one that falls to 0.828, with a loss of 0.48 instead of 0.57. To"
    " the middle of the run the two are the same; from there on the loss of the first still goes up and down, and"
    " that of the second falls.",
)
