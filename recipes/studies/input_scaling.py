"""AlexNet, narrow, fed with pixels as they are (0 to 255), divided by 255, and with mean 0 and deviation 1. He
initialization assumes inputs of about deviation 1.
"""

from recipes.studies import ALEXNET
from zoo.recipe import RawRange, Study, UnitRange

STUDY = Study(
    title="Input scaling: 0 to 255, 0 to 1, mean 0 and deviation 1",
    base=ALEXNET,
    variants={
        "0 to 255": {"normalization": RawRange()},
        "0 to 1": {"normalization": UnitRange()},
        "mean 0, deviation 1": {},
    },
    description=__doc__,
)
