"""What is made small. `zoo.training.step.loss` computes it, from logits [n, K] and targets [n, K], for each example."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.part import Part


class Loss(Part, abstract=True):
    """A loss.

    `hard_labels` says whether it is defined for one right class an example alone, so that targets must be one-hot, neither
    smoothed nor mixed.
    """

    hard_labels: ClassVar[bool] = False


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """-sum_k t_k log p_k, where p is the softmax of the logits and t the target."""


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """-sum_k (t_k log s_k + (1 - t_k) log(1 - s_k)), where s_k is the sigmoid of logit k: a question for each class (Beyer
    et al. 2020, arXiv:2006.07159). Of logits 0 it is K ln 2.
    """


@dataclass(frozen=True)
class Focal(Loss):
    """-(1 - p_y)^gamma log p_y, where p_y is the right class' probability (Lin et al. 2017, arXiv:1708.02002, equation 4), by
    the softmax, which is the extension to several classes that the paper's section 3 mentions.

    Attributes:
      gamma: 0 gives cross-entropy; the larger, the less does an example count that the network is sure of.
    """

    hard_labels: ClassVar[bool] = True

    gamma: float = 2.0

    def validate(self) -> None:
        self.require(self.gamma >= 0, "gamma", "at least 0")


@dataclass(frozen=True)
class Huber(Loss):
    """The mean over classes of h(z_k - t_k), where z_k is logit k: h(e) is e^2 / 2 up to |e| = delta, and
    delta (|e| - delta / 2) from there on (Huber 1964, "Robust Estimation of a Location Parameter").

    It fits the logits themselves to the targets, as PyTorch's and Keras' losses of that name do. It is 1 / K of others' size.

    Attributes:
      delta: from where on the loss rises in a straight line.
    """

    delta: float = 1.0

    def validate(self) -> None:
        self.require(self.delta > 0, "delta", "positive")


@dataclass(frozen=True)
class GeneralizedCrossEntropy(Loss):
    """(1 - p_y^q) / q, where p_y is the right class' probability by the softmax: for labels of which some are wrong (Zhang &
    Sabuncu 2018, arXiv:1805.07836, section 3.2).

    Attributes:
      q: towards 0 it is cross-entropy, at 1 the mean absolute error.
    """

    hard_labels: ClassVar[bool] = True

    q: float = 0.7

    def validate(self) -> None:
        self.require(0 < self.q <= 1, "q", "in (0, 1]")
