"""Update rules and gradient clipping. `zoo.training.step.optimizer` turns them into optax transformations.

Each rule computes an update u from the gradient g, and the weight changes by -rate * u.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zoo.recipe.part import Part


class Optimizer(Part, abstract=True):
    """An update rule.

    Attributes:
      decoupled: where `regularization.weight_decay` is applied. False: decay * w is added to the gradient, before the
        rule (L2). True: it is added to the update, after the rule, and scaled by the learning rate (Loshchilov & Hutter
        2019, arXiv:1711.05101, algorithm 2).
    """

    decoupled: ClassVar[bool] = False


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    Attributes:
      momentum: decay of the momentum buffer v; 0 for none.
      nesterov: whether to use Nesterov momentum.
      rate_in_momentum: where the learning rate is applied. True: v = m v - rate * g, w += v, as in Krizhevsky et al.
        2012, section 5, and Caffe. False: v = m v + g, w -= rate * v, as in PyTorch and optax. They differ whenever the
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
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1). Weight decay is L2; see `AdamW`.

    Attributes:
      beta1, beta2: decay of the moving averages of g and g^2, both with bias correction.
      epsilon: constant added to the square root of the second moment.
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

    The decay is multiplied by the whole learning rate, including its peak, as in PyTorch and optax; the decay of the
    paper is the peak times this one.
    """

    decoupled: ClassVar[bool] = True


@dataclass(frozen=True)
class LAMB(Adam):
    """LAMB: Adam's update plus decoupled decay, scaled to the norm of the weights of each parameter.

    See You et al. 2020, arXiv:1904.00962, algorithm 2, with phi(z) = z. The scale is 1 where either norm is 0.
    """

    decoupled: ClassVar[bool] = True

    epsilon: float = 1e-6


@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion: the sign of a moving average of gradients, with decoupled weight decay.

    See Chen et al. 2023, arXiv:2302.06675, algorithm 2.

    Attributes:
      beta1: weight of the moving average in the interpolation with the gradient whose sign is the update.
      beta2: decay of the moving average.
    """

    decoupled: ClassVar[bool] = True

    beta1: float = 0.9
    beta2: float = 0.99

    def validate(self) -> None:
        for name in ("beta1", "beta2"):
            self.require(0 <= getattr(self, name) < 1, name, "in [0, 1)")


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop: the gradient divided by the root of a moving average of its square, with optional momentum.

    See Hinton, Srivastava, Swersky 2012, "Neural Networks for Machine Learning", lecture 6e. The defaults are PyTorch's
    variant. TensorFlow's variant, with which the MobileNets and EfficientNets were trained, is
    `epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True`; with an epsilon as large as theirs (1.0, 0.001)
    the two train differently.

    Attributes:
      decay: decay of the moving average of g^2.
      momentum: decay of the momentum buffer of the quotients; 0 for none.
      epsilon: constant added to the root, or with `epsilon_in_root` to the average under the root.
      epsilon_in_root: whether `epsilon` is added under the root.
      initial_average: value of the moving average before the first step.
      rate_in_momentum: where the learning rate is applied, see `SGD`.
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
    """Adadelta (Zeiler 2012, arXiv:1212.5701, algorithm 1, where the learning rate is 1).

    Attributes:
      decay: decay of the moving averages of g^2 and u^2.
      epsilon: constant added to both under their roots.
    """

    decay: float = 0.9
    epsilon: float = 1e-6

    def validate(self) -> None:
        self.require(0 <= self.decay < 1, "decay", "in [0, 1)")
        self.require(self.epsilon > 0, "epsilon", "positive")


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad: the gradient divided by the root of the sum of its squares (Duchi, Hazan, Singer 2011, JMLR 12).

    Attributes:
      initial_sum: value of the sum before the first step.
      epsilon: constant added to the sum under the root, as in Keras and optax; PyTorch adds it to the root.
    """

    initial_sum: float = 0.0
    epsilon: float = 1e-10

    def validate(self) -> None:
        self.require(self.initial_sum >= 0, "initial_sum", "at least 0")
        self.require(self.epsilon >= 0, "epsilon", "at least 0")


class Clipping(Part, abstract=True):
    """Clipping of the gradient of the loss, before L1 and L2 penalties are added."""


@dataclass(frozen=True)
class ClipByNorm(Clipping):
    """Scales the gradient to a global norm of at most `norm` (Pascanu et al. 2013, arXiv:1211.5063, algorithm 1)."""

    norm: float

    def validate(self) -> None:
        self.require(self.norm > 0, "norm", "positive")


@dataclass(frozen=True)
class ClipByValue(Clipping):
    """Clips every element of the gradient to [-`value`, `value`]."""

    value: float

    def validate(self) -> None:
        self.require(self.value > 0, "value", "positive")
