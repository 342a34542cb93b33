"""A fully connected network of seven layers at a rate twenty times too high, with gradients as they are, with their norm
bounded, and with each of their numbers bounded.
"""

from zoo.recipe import ClipByNorm, ClipByValue, Study

from . import MLP

STUDY = Study(
    title="Clipping of gradients, at a rate that is too high",
    base=MLP.override({"model.options.hidden": (64,) * 6, "schedule.peak": 1.0}),
    variants={
        "none": {},
        "norm at most 0.1": {"clipping": ClipByNorm(0.1)},
        "numbers at most 0.001": {"clipping": ClipByValue(0.001)},
    },
    description=__doc__,
    conclusion="With gradients as they are each seed has diverged by step 23, while the rate is still rising."
    " With their norm bounded by 0.1 the same rate trains the network to 0.840, and with each number bounded by"
    " 0.001 to 0.817, more slowly and less steadily.",
)
