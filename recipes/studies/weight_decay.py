"""A fully connected network with hidden layers of 64 and 32 units and L2 regularization of three strengths, or none."""

from zoo.recipe import Study

from . import MLP

STUDY = Study(
    title="L2 regularization: none, usual, too strong",
    base=MLP,
    variants={
        "none": {},
        "0.0005": {"regularization.weight_decay": 5e-4},
        "0.02": {"regularization.weight_decay": 0.02},
        "0.2": {"regularization.weight_decay": 0.2},
    },
    description=__doc__,
    conclusion="The usual 0.0005 changes nothing in a run of 38,400 images, which are not enough to memorize: none and it both come to"
    " 0.846. Too much of it keeps the network from fitting at all: 0.02 costs 1.6 points, and with 0.2 the training loss stays"
    " near 1 and the target is not reached.",
)
