"""LeNet-5 with ten update rules, each with a rate that suits it, as rates of different rules do not compare."""

from zoo.recipe import LAMB, SGD, Adadelta, Adagrad, Adam, AdamW, Lion, RMSprop, Study

from . import LENET5

STUDY = Study(
    title="Update rules, each with a rate that suits it",
    base=LENET5,
    variants={
        "SGD, 0.3": {"optimizer": SGD(momentum=0.0), "schedule.peak": 0.3},
        "momentum, 0.05": {},
        "Nesterov, 0.05": {"optimizer": SGD(momentum=0.9, nesterov=True)},
        "Adam, 0.003": {"optimizer": Adam(), "schedule.peak": 0.003},
        "AdamW, 0.003": {"optimizer": AdamW(), "schedule.peak": 0.003, "regularization.weight_decay": 0.05},
        "RMSprop, 0.002": {"optimizer": RMSprop(), "schedule.peak": 0.002},
        "Adagrad, 0.02": {"optimizer": Adagrad(), "schedule.peak": 0.02},
        "Adadelta, 1": {"optimizer": Adadelta(), "schedule.peak": 1.0},
        "LAMB, 0.02": {"optimizer": LAMB(), "schedule.peak": 0.02},
        "Lion, 0.001": {"optimizer": Lion(), "schedule.peak": 0.001},
    },
    description=__doc__,
    conclusion="With a rate of its own each of the ten reaches the target, after 105 to 150 steps. Nesterov, LAMB and plain"
    " momentum come to 0.830, 0.826 and 0.821, the others to 0.797 to 0.816: less than a mere change of rate makes"
    " in the study of learning rates, so that these are differences of how well each was tuned as much as of"
    " rules.",
    seeds=2,
)
