"""Whether anything in the inputs predicts the labels, judged by the accuracy of a cheap probe."""

import numpy as np
import scipy.optimize
import scipy.special

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays, probe
from zoo.doctor.session import Sample, Session

EXAMPLES, EVAL_EXAMPLES = 1_500, 1_000
PERMUTED_COLUMNS = 300  # of classes times permutations
PERMUTATIONS = (8, 30)  # at least and at most
FEWEST = 10  # examples


def measure(session: Session) -> Values:
    """Measures how well a probe predicts labels.

    Values, each for `train_` (held-out folds of training examples) and `eval_` (of evaluation examples): `accuracy`,
    `majority` (share of the commonest class), `chance` and `chance_std` (accuracy with permuted labels), `z`, `p` (of
    an accuracy as high by chance), `count`; `z` is the larger one of accuracy and of the scores' agreement with the
    labels. The probe of training examples scored on those of evaluation: `transfer`, `transfer_z`, and
    `transfer_matched`, its accuracy if the classes are matched as well as possible, with `matching`, {predicted class:
    class of evaluation}, where they differ. `curve`, [number of training examples, accuracy on evaluation examples] for
    a quarter, a half and all of them.
    """
    train, evaluation = (
        arrays.spread(_labelled(arrays.distinct(sample)), limit, 2**25)
        for sample, limit in ((session.train, EXAMPLES), (session.evaluation, EVAL_EXAMPLES))
    )
    values: dict[str, object] = {"train_count": len(train.classes), "eval_count": len(evaluation.classes)}
    descriptions = [probe.describe(sample.images) for sample in (train, evaluation)]
    fitted = None
    for name, sample, description in zip(("train", "eval"), (train, evaluation), descriptions, strict=True):
        if len(sample.classes) >= FEWEST and len(np.unique(sample.classes)) > 1:
            one = probe.fit(description)
            fitted = one if name == "train" else fitted
            values |= {f"{name}_{key}": value for key, value in predictability(one, sample.classes).items()}
    if fitted is None or not len(evaluation.classes) or descriptions[0].shape[1:] != descriptions[1].shape[1:]:
        return values
    return values | _transfer(fitted, train.classes, descriptions[0], descriptions[1], evaluation.classes)


def _labelled(sample: Sample) -> Sample:
    """Returns the examples whose label is a class."""
    classes = np.asarray(sample.classes, float)
    usable = np.isfinite(classes) & (classes >= 0) & (classes % 1 == 0)
    some = sample if usable.all() else arrays.take(sample, np.flatnonzero(usable))
    return some._replace(classes=np.asarray(some.classes).astype(int))


def predictability(fitted: probe.Probe, classes: np.ndarray) -> dict[str, float]:
    """Returns the held-out accuracy of a probe, and what it would be if the labels were independent of the inputs."""
    present, classes = np.unique(classes, return_inverse=True)
    count = len(present)
    times = int(np.clip(PERMUTED_COLUMNS // count, *PERMUTATIONS))
    random = np.random.default_rng(0)
    labels = [classes, *(random.permutation(classes) for _ in range(times))]
    targets = np.concatenate([probe.indicators(some, count) for some in labels], axis=1)
    scores = probe.held_out(fitted, targets).reshape(len(classes), len(labels), count)
    right = np.array([(probe.chosen(scores[:, place], some) == some).mean() for place, some in enumerate(labels)])
    # Where a class is rare, predictions are all of the others, but scores may still grow with the class.
    shares = np.bincount(classes) / len(classes)
    products = (scores * targets.reshape(scores.shape) / shares).sum((0, 2)) / len(classes)
    chance, std = float(right[1:].mean()), float(right[1:].std(ddof=1))
    std = max(std, np.sqrt(max(chance * (1 - chance), 1 / len(classes)) / len(classes)))
    z = (right[0] - chance) / std
    score_z = (products[0] - products[1:].mean()) / max(float(products[1:].std(ddof=1)), 1e-9)
    return {
        "accuracy": float(right[0]),
        "majority": float(shares.max()),
        "chance": chance,
        "chance_std": float(std),
        "z": float(max(z, score_z)),
        "p": float(scipy.special.ndtr(-z)),
    }


def _transfer(fitted, classes, description, eval_description, eval_classes):
    known = np.isin(eval_classes, classes)  # others are a matter of the split
    if not known.any():
        return {}
    eval_description, eval_classes = eval_description[known], eval_classes[known]
    count = int(max(classes.max(), eval_classes.max())) + 1
    targets = probe.indicators(classes, count)
    found = probe.chosen(probe.predict(fitted, targets, eval_description), classes)
    confusion = np.zeros((count, count), int)
    np.add.at(confusion, (found, eval_classes), 1)
    total = len(eval_classes)
    # If predictions were independent of the labels, the expected accuracy would be that of the two frequencies.
    chance = float(confusion.sum(1) @ confusion.sum(0) / total**2)
    accuracy = float(np.trace(confusion) / total)
    rows, columns = scipy.optimize.linear_sum_assignment(-confusion)
    differing = [
        int(row) for row, column in zip(rows, columns, strict=True) if row != column and confusion[row, column]
    ]
    curve = []
    for part in (4, 2):
        some = np.random.default_rng(0).permutation(len(classes))[: len(classes) // part]
        if len(some) >= FEWEST and len(np.unique(classes[some])) > 1:
            smaller = probe.fit(description[some])
            scores = probe.predict(smaller, probe.indicators(classes[some], count), eval_description)
            curve.append([len(some), float((probe.chosen(scores, classes[some]) == eval_classes).mean())])
    return {
        "transfer": accuracy,
        "transfer_chance": chance,
        "transfer_z": float((accuracy - chance) / np.sqrt(max(chance * (1 - chance), 1 / total) / total)),
        "transfer_matched": float(confusion[rows, columns].sum() / total),
        "matching": {row: int(columns[row]) for row in differing},
        "curve": [*curve, [len(classes), accuracy]],
    }


MEASUREMENT = Measurement("pairing", measure, seconds=2.0)
