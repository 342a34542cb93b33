"""How a gradient becomes a step. `zoo.training.step.optimizer` turns these into an optax transformation.

Every rule below gives an update u and moves the weight by -rate * u, g being the gradient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.part import Part


class Optimizer(Part, abstract=True):
    """An update rule.

    `decoupled` says what `regularization.weight_decay` does. False: decay * w is added to the gradient (L2), and goes
    through the rule with it. True: it is added to the update that the rule gives, which the learning rate then scales
    (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2).
    """

    decoupled: ClassVar[bool] = False


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    Attributes:
      momentum: 0 for none.
      nesterov: whether to look ahead.
      rate_in_momentum: where the learning rate enters. True: v = m v - rate * g, w += v, as in Krizhevsky et al. 2012,
        section 5, and Caffe. False: v = m v + g, w -= rate * v, as in PyTorch and optax. They differ whenever the
        rate changes (Goyal et al. 2017, section 3, remark 2).
    """

    default_sources: ClassVar[Mapping[str, str]] = {"rate_in_momentum": "ours: as in PyTorch and optax"}

    momentum: float = 0.9
    nesterov: bool = False
    rate_in_momentum: bool = False

    def validate(self) -> None:
        self.require(0 <= self.momentum < 1, "momentum", "in [0, 1)")
        self.require(not (self.nesterov and self.rate_in_momentum), "nesterov", "off with rate_in_momentum")


@dataclass(frozen=True)
class Adam(Optimizer):
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1. Weight decay is L2; see `AdamW`.

    Attributes:
      beta1, beta2: decay of the averages of g and of g^2, both corrected for their start at 0.
      epsilon: added to the root.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def validate(self) -> None:
        for name in ("beta1", "beta2"):
            self.require(0 <= getattr(self, name) < 1, name, "in [0, 1)")
        self.require(self.epsilon >= 0, "epsilon", "at least 0")


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2).

    The learning rate scales the decay, peak included, as in PyTorch and optax; the paper's decay is peak times this one.
    """

    decoupled: ClassVar[bool] = True


@dataclass(frozen=True)
class LAMB(Adam):
    """Adam's update plus decoupled decay, scaled in each parameter to the norm of its weights (You et al. 2020,
    arXiv:1904.00962, algorithm 2, with phi(z) = z); by 1 where either norm is 0.
    """

    decoupled: ClassVar[bool] = True

    epsilon: float = 1e-6


@dataclass(frozen=True)
class Lion(Optimizer):
    """The sign of an average of gradients, with decoupled weight decay (Chen et al. 2023, arXiv:2302.06675, algorithm 2).

    Attributes:
      beta1: weight of the average in what the sign is taken of.
      beta2: decay of the average.
    """

    decoupled: ClassVar[bool] = True

    beta1: float = 0.9
    beta2: float = 0.99

    def validate(self) -> None:
        for name in ("beta1", "beta2"):
            self.require(0 <= getattr(self, name) < 1, name, "in [0, 1)")


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """The gradient over the root of the average of its square (Hinton, Srivastava, Swersky 2012, "Neural Networks for
    Machine Learning", lecture 6e); with momentum, of these quotients.

    The defaults are PyTorch's way. TensorFlow's, with which the MobileNets and EfficientNets were trained, is
    `epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True`; with an epsilon as large as theirs (1.0, 0.001)
    the two train differently.

    Attributes:
      decay: of the average.
      momentum: 0 for none.
      epsilon: added to the root, or with `epsilon_in_root` to the average under it.
      epsilon_in_root: see `epsilon`.
      initial_average: of the square of the gradient, before the first step.
      rate_in_momentum: where the learning rate enters, see `SGD`.
    """

    decay: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-8
    epsilon_in_root: bool = False
    initial_average: float = 0.0
    rate_in_momentum: bool = False

    def validate(self) -> None:
        self.require(0 <= self.decay < 1, "decay", "in [0, 1)")
        self.require(0 <= self.momentum < 1, "momentum", "in [0, 1)")
        self.require(self.epsilon > 0, "epsilon", "positive")
        self.require(self.initial_average >= 0, "initial_average", "at least 0")


@dataclass(frozen=True)
class Adadelta(Optimizer):
    """Zeiler 2012, arXiv:1212.5701, algorithm 1, whose rate is 1.

    Attributes:
      decay: of the averages of g^2 and u^2.
      epsilon: added to both under their roots.
    """

    decay: float = 0.9
    epsilon: float = 1e-6

    def validate(self) -> None:
        self.require(0 <= self.decay < 1, "decay", "in [0, 1)")
        self.require(self.epsilon > 0, "epsilon", "positive")


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """The gradient over the root of the sum of its squares (Duchi, Hazan, Singer 2011, JMLR 12).

    Attributes:
      initial_sum: of the squares, before the first step.
      epsilon: added to the sum under the root, as in Keras and optax; PyTorch adds it to the root.
    """

    initial_sum: float = 0.0
    epsilon: float = 1e-10

    def validate(self) -> None:
        self.require(self.initial_sum >= 0, "initial_sum", "at least 0")
        self.require(self.epsilon >= 0, "epsilon", "at least 0")


class Clipping(Part, abstract=True):
    """A bound on the gradient of the loss, before L1 and L2 are added to it."""


@dataclass(frozen=True)
class ClipByNorm(Clipping):
    """The gradient is scaled so that its norm, over all parameters, is at most `norm` (Pascanu et al. 2013,
    arXiv:1211.5063, algorithm 1).
    """

    norm: float

    def validate(self) -> None:
        self.require(self.norm > 0, "norm", "positive")


@dataclass(frozen=True)
class ClipByValue(Clipping):
    """Every number of the gradient is brought between -`value` and `value`."""

    value: float

    def validate(self) -> None:
        self.require(self.value > 0, "value", "positive")
