"""The loss as a function: its values for outputs that are right, wrong, shifted, repeated and very large."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

SCALES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # of outputs that are right or wrong by that much
LARGE = 1e4  # outputs that a correct implementation still has a finite loss for
CONFIDENT = 100.0  # outputs whose loss, where wrong, is 100 with softmax cross-entropy
EXAMPLES = 8
AGREE = 1e-3  # relative difference of losses that are the same but for rounding


def measure(session: Session) -> Values:
    """Returns the loss of constructed outputs; labels have the form that the program's own have."""
    program = session.program
    example = session.delivered
    outputs = np.asarray(program.predict(session.state, example.images[:2]))
    width = outputs.reshape(len(outputs), -1).shape[1]
    if width < 2:
        return {"width": width}
    order = np.argsort(-np.bincount(np.clip(example.classes.astype(int), 0, width - 1), minlength=width))
    classes = np.array([order[each % min(width, 4)] for each in range(EXAMPLES)])
    labels = encode(classes, example.labels, width)

    def loss(values, of=labels):
        return float(program.loss(np.asarray(values, np.float32), of))  # type: ignore[attr-defined]

    right = np.eye(width)[classes]
    wrong = np.eye(width)[(classes + 1) % width]
    random = np.random.default_rng(0).standard_normal((EXAMPLES, width))
    whole = loss(random)
    singles = [loss(random[each : each + 1], labels[each : each + 1]) for each in range(EXAMPLES)]
    probable = 0.98 * right + 0.02 / width
    return {
        "width": width,
        "right": [loss(scale * right) for scale in SCALES],
        "wrong": [loss(scale * wrong) for scale in SCALES],
        "uniform": loss(np.zeros_like(right)),
        "probable": loss(probable),
        "improbable": loss(0.98 * wrong + 0.02 / width),
        "random": whole,
        "shifted": loss(random + 3.0),
        "repeated": loss(np.concatenate([random, random]), np.concatenate([labels, labels])),
        "mean_of_single": float(np.mean(singles)),
        "class_weights": _class_weights(loss, random, classes, labels, singles, whole),
        "large_right": loss(LARGE * right),
        "large_wrong": loss(LARGE * wrong),
        "confident_wrong": loss(CONFIDENT * wrong),
    }


def _class_weights(loss, outputs, classes, labels, singles, whole):
    """Returns by what factor the weights of classes differ in the mean over a batch; None if it has no such weights.

    From the loss L of two examples with losses a and b, the ratio of their weights is (b - L) / (L - a). Weights that
    give the loss of the whole batch as well are those of the classes.
    """
    weights = {classes[0]: 1.0}
    for place in range(1, EXAMPLES):
        if classes[place] not in weights:
            both = loss(outputs[[0, place]], labels[[0, place]])
            if not abs(singles[place] - both) > 0:
                return None
            weights[classes[place]] = (both - singles[0]) / (singles[place] - both)
    of_examples = np.array([weights[each] for each in classes])
    mean = float(of_examples @ singles / of_examples.sum())
    if not (of_examples > 0).all() or abs(mean - whole) > AGREE * abs(whole):
        return None
    return float(of_examples.max() / of_examples.min())


def encode(classes: np.ndarray, like: np.ndarray, width: int) -> np.ndarray:
    """Returns class numbers in the form and dtype of given labels: numbers [n] or [n, 1], or one-hot rows."""
    like = np.asarray(like)
    if like.ndim > 1 and like.shape[-1] > 1:
        return np.eye(width)[classes].astype(like.dtype)
    return classes.astype(like.dtype).reshape((-1, *like.shape[1:]))


MEASUREMENT = Measurement("loss function", measure, needs=("loss",), seconds=1.0)
