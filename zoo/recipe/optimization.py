"""How the loss is descended. `zoo.optimizer` turns these into an optax transformation.

Times in a schedule are fractions of the run, so that a shorter budget shortens the whole schedule with it.
"""

from dataclasses import dataclass

from zoo.recipe.part import Part


class Optimizer(Part, abstract=True):
    """An update rule."""


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

    momentum: float = 0.9
    nesterov: bool = False
    rate_in_momentum: bool = False

    def validate(self):
        self.require(0 <= self.momentum < 1, "momentum", "in [0, 1)")
        self.require(not (self.nesterov and self.rate_in_momentum), "nesterov", "off with rate_in_momentum")


@dataclass(frozen=True)
class Schedule(Part, abstract=True):
    """The learning rate over the run.

    Attributes:
      peak: the largest learning rate.
      warmup: fraction of the run in which the rate rises linearly from 0 to `peak`; the shape below takes the rest.
    """

    peak: float
    warmup: float = 0.0

    def validate(self):
        self.require(self.peak > 0, "peak", "positive")
        self.require(0 <= self.warmup < 1, "warmup", "in [0, 1)")


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """Stays at `peak`."""


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from `peak` to `final * peak` (Loshchilov & Hutter 2017, equation 5, without restarts)."""

    final: float = 0.0

    def validate(self):
        super().validate()
        self.require(0 <= self.final <= 1, "final", "in [0, 1]")


@dataclass(frozen=True)
class Polynomial(Schedule):
    """`peak` times (what is left of the run) ** `power`; power 1 is a straight line to 0."""

    power: float = 1.0

    def validate(self):
        super().validate()
        self.require(self.power > 0, "power", "positive")


@dataclass(frozen=True)
class MultiStep(Schedule):
    """`peak`, multiplied by `factor` at each of the `boundaries` (fractions of the whole run)."""

    boundaries: tuple[float, ...] = ()
    factor: float = 0.1

    def validate(self):
        super().validate()
        inside = all(self.warmup <= boundary < 1 for boundary in self.boundaries)
        self.require(inside, "boundaries", "fractions of the run, after the warm-up")
        self.require(tuple(sorted(set(self.boundaries))) == self.boundaries, "boundaries", "in rising order")
        self.require(0 < self.factor < 1, "factor", "in (0, 1)")


@dataclass(frozen=True)
class Regularization(Part):
    """What keeps the network from memorizing. Dropout is an option of the model.

    Attributes:
      weight_decay: this times the weight is added to its gradient (L2).
      decayed: the parameters that decay, by shell-style patterns.
      label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al. 2015, section 7).
    """

    weight_decay: float = 0.0
    decayed: tuple[str, ...] = ("*kernel",)
    label_smoothing: float = 0.0

    def validate(self):
        self.require(self.weight_decay >= 0, "weight_decay", "at least 0")
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "in [0, 1)")
