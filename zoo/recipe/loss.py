"""Losses, computed by `zoo.training.step.loss` for each example, from logits [n, K] and targets [n, K]."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.part import Part


class Loss(Part, abstract=True):
    """A loss function.

    Attributes:
      hard_labels: whether targets must be one-hot, without label smoothing or mixing.
    """

    hard_labels: ClassVar[bool] = False


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of the softmax: -sum_k t_k log p_k, where p is the softmax of the logits and t the target."""


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """Sum of K binary cross-entropies: -sum_k (t_k log s_k + (1 - t_k) log(1 - s_k)), for the sigmoid s_k of logit k.

    See Beyer et al. 2020, arXiv:2006.07159. For logits of 0 it is K ln 2.
    """


@dataclass(frozen=True)
class Focal(Loss):
    """Focal loss: -(1 - p_y)^gamma log p_y, where p_y is the softmax probability of the true class.

    See Lin et al. 2017, arXiv:1708.02002, equation 4; the softmax is the multi-class extension mentioned in section 3.

    Attributes:
      gamma: exponent; 0 gives cross-entropy, larger values give less weight to examples classified with confidence.
    """

    hard_labels: ClassVar[bool] = True

    gamma: float = 2.0

    def validate(self) -> None:
        self.require(self.gamma >= 0, "gamma", "at least 0")


@dataclass(frozen=True)
class Huber(Loss):
    """Huber loss between logits and targets: the mean over classes of h(z_k - t_k), where z_k is logit k.

    h(e) is e^2 / 2 for |e| <= delta, and delta (|e| - delta / 2) beyond (Huber 1964, "Robust Estimation of a Location
    Parameter"). It is a regression of the logits onto the targets, as the losses of this name in PyTorch and Keras. As
    a mean over classes, it is smaller than the other losses by a factor of K.

    Attributes:
      delta: error at which the loss changes from quadratic to linear.
    """

    delta: float = 1.0

    def validate(self) -> None:
        self.require(self.delta > 0, "delta", "positive")


@dataclass(frozen=True)
class GeneralizedCrossEntropy(Loss):
    """Generalized cross-entropy: (1 - p_y^q) / q, where p_y is the softmax probability of the true class.

    It is robust to label noise (Zhang & Sabuncu 2018, arXiv:1805.07836, section 3.2).

    Attributes:
      q: exponent; the limit at 0 is cross-entropy, and 1 gives the mean absolute error.
    """

    hard_labels: ClassVar[bool] = True

    q: float = 0.7

    def validate(self) -> None:
        self.require(0 < self.q <= 1, "q", "in (0, 1]")
