"""Study of an exponential moving average of weights for a fully connected network whose learning rate stays high to the
end: evaluation of the last weights, and of their average.
"""

from zoo.recipe import ConstantRate, Study, WeightAverage

from . import MLP

STUDY = Study(
    title="The last weights, and an average over the last hundred steps",
    base=MLP.override({"schedule": ConstantRate(peak=0.05)}),
    variants={"last weights": {}, "average": {"weight_average": WeightAverage(decay=0.99)}},
    description=__doc__,
    conclusion="At a constant learning rate the last weights reach 0.825 with a loss of 0.52, and their average 0.845"
    " with 0.43, in the same training run. The average is better from the first evaluation on, and varies"
    " less between seeds: by 0.0015 instead of 0.0048.",
)
