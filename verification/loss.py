"""Closed forms of the losses in float64, by the formulas in their docstrings."""

import functools

import numpy as np

from zoo.recipe import Focal, GeneralizedCrossEntropy, Huber, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.recipe.loss import Loss

SIMULATED_LOGITS = 2_000_000  # 200,000 networks of ten classes: a tail probability of 1e-3 is known to within 10 %


def closed_form(loss: Loss, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns the loss of each example [n], for logits [n, K] and targets [n, K]."""
    logits, targets = np.asarray(logits, np.float64), np.asarray(targets, np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-logits))
    match loss:
        case SoftmaxCrossEntropy():
            return -(targets * np.log(softmax)).sum(-1)
        case SigmoidCrossEntropy():
            return -(targets * np.log(sigmoid) + (1 - targets) * np.log(1 - sigmoid)).sum(-1)
        case Focal(gamma):
            correct = softmax[targets == 1]
            return -((1 - correct) ** gamma) * np.log(correct)
        case GeneralizedCrossEntropy(q):
            return (1 - softmax[targets == 1] ** q) / q
        case Huber(delta):
            error = np.abs(logits - targets)
            return np.where(error <= delta, error**2 / 2, delta * (error - delta / 2)).mean(-1)
    raise TypeError(f"no closed form of {type(loss).__name__}: add it to verification/loss.py")


def of_equal_logits(loss: Loss, classes: int) -> float:
    """Returns the loss of uninformative predictions, with all logits 0; ln K for softmax cross-entropy."""
    return float(closed_form(loss, np.zeros((1, classes)), np.eye(1, classes))[0])


@functools.cache
def of_unit_logits(loss: Loss, classes: int, images: int, alpha: float) -> float:
    """Returns the (1 - alpha) quantile of the mean loss over some images, for logits that do not depend on the image.

    The logits are the same for all images and otherwise independent standard normal, as those of a last layer of weight
    variance 1 / fan_in applied to features of unit mean square. Found by simulation, with uniformly sampled labels.
    """
    random = np.random.default_rng(0)
    networks = SIMULATED_LOGITS // classes
    logits, one_hot = random.standard_normal((networks, classes)), np.eye(classes)
    labels = random.integers(classes, size=(images, networks))
    mean = sum(closed_form(loss, logits, one_hot[label]) for label in labels) / images
    return float(np.quantile(mean, 1 - alpha))
