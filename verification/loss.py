"""Closed forms of the losses in float64, by the formulas in their docstrings."""

import functools

import numpy as np
import scipy.stats

from verification.check import NoClosedForm
from zoo.recipe import Focal, GeneralizedCrossEntropy, Huber, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.recipe.loss import Loss

SIMULATED_LOGITS = 1_000_000  # 100,000 networks of ten classes: a tail probability of 5e-4 is known to within 14 %
MIN_TAIL = 20  # simulated networks beyond a quantile, which is otherwise that of a normal distribution


def closed_form(loss: Loss, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns the loss of each example [n], for logits [n, K] and targets [n, K]."""
    logits, targets = np.asarray(logits, np.float64), np.asarray(targets, np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    match loss:
        case SoftmaxCrossEntropy():
            return -(targets * np.log(softmax)).sum(-1)
        case SigmoidCrossEntropy():
            # -log(sigmoid(x)) is log(1 + exp(-x)), without the rounding of a sigmoid that is nearly 1.
            return (targets * np.logaddexp(0, -logits) + (1 - targets) * np.logaddexp(0, logits)).sum(-1)
        case Focal(gamma):
            correct = softmax[targets == 1]
            return -((1 - correct) ** gamma) * np.log(correct)
        case GeneralizedCrossEntropy(q):
            return (1 - softmax[targets == 1] ** q) / q
        case Huber(delta):
            error = np.abs(logits - targets)
            return np.where(error <= delta, error**2 / 2, delta * (error - delta / 2)).mean(-1)
    raise NoClosedForm(f"no closed form of {type(loss).__name__}: add it to verification/loss.py")


def of_equal_logits(loss: Loss, classes: int) -> float:
    """Returns the loss of uninformative predictions, with all logits 0; ln K for softmax cross-entropy."""
    return float(closed_form(loss, np.zeros((1, classes)), np.eye(1, classes))[0])


@functools.cache
def of_random_logits(loss: Loss, classes: int, images: tuple[int, ...], alpha: float) -> tuple[float, float]:
    """Returns bounds of the mean loss over some images, for normal logits with at most unit variance.

    The upper one is the (1 - alpha / 2) quantile for logits that are the same for all images and otherwise independent
    standard normal, as those of a last layer of weight variance 1 / fan_in applied to features of unit mean square.
    The lower one is the lowest of the (alpha / 2) quantiles for these, and for logits that are independent for each
    image, with standard deviations up to 1: small ones lower the loss by chance more than they raise its expectation.

    Quantiles are found by simulation, or where that has few values beyond them, from a normal distribution of the same
    mean and variance: of many classes or images, the loss is nearly normal, and its lower tail is the shorter one.

    Args:
      loss: of an example.
      classes: number of logits.
      images: the number of images of each label that occurs.
      alpha: the probability of a loss outside.
    """
    random = np.random.default_rng(0)
    networks, count = SIMULATED_LOGITS // classes, sum(images)
    logits, targets = random.standard_normal((networks, classes)), np.eye(classes)
    of_label = [
        closed_form(loss, logits, np.broadcast_to(targets[label], logits.shape)) for label in range(len(images))
    ]
    mean = np.average(of_label, axis=0, weights=images)
    tails = [alpha / 2, 1 - alpha / 2]
    enough = networks * alpha / 2 >= MIN_TAIL
    low, high = np.quantile(mean, tails) if enough else scipy.stats.norm.ppf(tails, mean.mean(), mean.std())
    first = np.broadcast_to(targets[0], logits.shape)
    low = min(low, 0.999 * of_equal_logits(loss, classes))  # of many classes, variance may raise it in all networks
    for scale in (0.1, 0.25, 0.5, 0.75, 1.0):
        of_image = closed_form(loss, scale * logits, first)
        low = min(low, scipy.stats.norm.ppf(alpha / 2, of_image.mean(), of_image.std() / np.sqrt(count)))
    return float(low), float(high)
