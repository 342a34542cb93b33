"""Study of network size on few examples: the three networks for 20 features of the article "Why does my TensorFlow 2.1
classification network fail to converge?" (2025), example 2, with its 800 training examples, optimizer and 50 epochs.
The article's labels are random, for which there is another study; these are not, so that there is something to
learn.
"""

from zoo.recipe import Study

from . import FEW_EXAMPLES, TABLE

STUDY = Study(
    title="Network size on 800 examples: too small, balanced, too large",
    base=TABLE.override(FEW_EXAMPLES),
    variants={
        "20-4, too small": {"model.options.hidden": (4,)},
        "20-64-32, balanced": {},
        "20-128-128-128, too large": {"model.options.hidden": (128, 128, 128)},
    },
    description=__doc__,
    conclusion="Four units stay at 0.77 and a loss of 0.48; the balanced network reaches 0.944, and the largest, with"
    " ten times its parameters, 0.934. Both fit the training examples to a loss near 0 while the evaluation"
    " loss rises again: from 0.15 to 0.18 for the balanced network, and earlier and further, from 0.20 to"
    " 0.29, for the largest.",
    metric="loss",
)
