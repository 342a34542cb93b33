"""The losses in float64, from the formulas in their docstrings."""

import functools

import numpy as np

from zoo.recipe import Focal, GeneralizedCrossEntropy, Huber, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.recipe.loss import Loss

SIMULATED_LOGITS = 2_000_000  # 200,000 networks of ten classes: a tail of 1 in 1,000 is known to a tenth


def closed_form(loss: Loss, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The loss of each example [n], of logits [n, K] and targets [n, K]."""
    logits, targets = np.asarray(logits, np.float64), np.asarray(targets, np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-logits))
    match loss:
        case SoftmaxCrossEntropy():
            return -(targets * np.log(softmax)).sum(-1)
        case SigmoidCrossEntropy():
            return -(targets * np.log(sigmoid) + (1 - targets) * np.log(1 - sigmoid)).sum(-1)
        case Focal(gamma):
            right = softmax[targets == 1]
            return -((1 - right) ** gamma) * np.log(right)
        case GeneralizedCrossEntropy(q):
            return (1 - softmax[targets == 1] ** q) / q
        case Huber(delta):
            error = np.abs(logits - targets)
            return np.where(error <= delta, error**2 / 2, delta * (error - delta / 2)).mean(-1)
    raise TypeError(f"there is no closed form of {type(loss).__name__} here yet")


def of_equal_logits(loss: Loss, classes: int) -> float:
    """The loss of a network that knows nothing: all logits are 0. Of the softmax it is ln K."""
    return float(closed_form(loss, np.zeros((1, classes)), np.eye(1, classes))[0])


@functools.cache
def of_unit_logits(loss: Loss, classes: int, images: int, alpha: float) -> float:
    """What the mean loss of some images is above with probability `alpha`, if a network's logits say nothing.

    Such logits are the same for all images, and here independent, normal and of variance one: those that a last layer with
    variance 1 / fan_in makes of features whose mean square is one. Found by simulation; labels are drawn evenly.
    """
    random = np.random.default_rng(0)
    networks = SIMULATED_LOGITS // classes
    logits, one_hot = random.standard_normal((networks, classes)), np.eye(classes)
    labels = random.integers(classes, size=(images, networks))
    mean = sum(closed_form(loss, logits, one_hot[label]) for label in labels) / images
    return float(np.quantile(mean, 1 - alpha))
