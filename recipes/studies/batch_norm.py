"""A VGG of eight layers with and without batch normalization behind each convolution, at two learning rates."""

from recipes.studies import VGG
from zoo.recipe import Study

STUDY = Study(
    title="Batch normalization or none",
    base=VGG,
    variants={
        "none, rate 0.02": {},
        "batch norm, rate 0.02": {"model.options.batch_norm": True},
        "none, rate 0.1": {"schedule.peak": 0.1},
        "batch norm, rate 0.1": {"model.options.batch_norm": True, "schedule.peak": 0.1},
    },
    description=__doc__,
    seeds=2,
)
