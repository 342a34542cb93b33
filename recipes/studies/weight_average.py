"""A fully connected network at a rate that stays high to the end, evaluated with its last weights, and with an exponential
moving average of them.
"""

from zoo.recipe import ConstantRate, Study, WeightAverage

from . import MLP

STUDY = Study(
    title="The last weights, and an average of the last hundred",
    base=MLP.override({"schedule": ConstantRate(peak=0.05)}),
    variants={"last weights": {}, "average": {"weight_average": WeightAverage(decay=0.99)}},
    description=__doc__,
    conclusion="At a rate that does not fall the last weights come to 0.825 with a loss of 0.52, and their average to 0.845"
    " with 0.43, from one and the same training. The average is better from the first evaluation on, and spreads"
    " less over seeds: 0.0015 instead of 0.0048.",
)
