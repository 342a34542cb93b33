"""Study of random labels, as in examples 2 and 3 of the article "Why does my TensorFlow 2.1 classification network fail
to converge?" (2025): uniform features, 20 for three network sizes and 10 for three learning rates, with labels that
are independent of them.
"""

from zoo.recipe import Study, Unscaled

from . import TABLE

TEN = {"data.source": "synthetic:random_10", "model.options.hidden": (32,)}

STUDY = Study(
    title="Random labels: three sizes of network, three learning rates",
    base=TABLE.override({"data.source": "synthetic:random_20", "normalization": Unscaled(), "target": None}),
    variants={
        "20-4": {"model.options.hidden": (4,)},
        "20-64-32": {},
        "20-128-128-128": {"model.options.hidden": (128, 128, 128)},
        "10-32, rate 0.0001": {**TEN, "schedule.peak": 1e-4},
        "10-32, rate 0.001": TEN,
        "10-32, rate 0.1": {**TEN, "schedule.peak": 0.1},
    },
    description=__doc__,
    conclusion="Nothing can be learned from such labels: evaluation accuracy is 0.45 to 0.53 at any network size and"
    " learning rate, where chance is 0.50 plus or minus 0.035. The largest network still memorizes the"
    " training examples to a loss of 0.00, while its evaluation loss rises to 2.90: a falling training loss"
    " is no evidence of learning.",
)
