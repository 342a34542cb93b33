"""Fully connected networks with hidden layers of 4, of 64 and 32, and of three times 512 units, for 784 pixels, over two
epochs: too small, balanced, and much larger than the balanced one.
"""

from recipes.studies import MLP
from zoo.recipe import Study

STUDY = Study(
    title="Network size: too small, balanced, too large",
    base=MLP.override({"budget.steps": None, "budget.epochs": 2}),
    variants={
        "4": {"model.options.hidden": (4,)},
        "64-32": {},
        "512-512-512": {"model.options.hidden": (512, 512, 512)},
    },
    description=__doc__,
)
