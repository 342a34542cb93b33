"""Learning rate schedules, computed by `zoo.training.step.schedule`.

Times in a schedule are fractions of the run, so that the schedule scales with the budget.
"""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Schedule(Part, abstract=True):
    """A learning rate schedule.

    Attributes:
      peak: the largest learning rate.
      warmup: fraction of the run in which the rate rises linearly from 0 to `peak`; the schedule spans the rest.
    """

    peak: float
    warmup: float = 0.0

    def validate(self) -> None:
        self.require(self.peak > 0, "peak", "positive")
        self.require(0 <= self.warmup < 1, "warmup", "in [0, 1)")


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """Constant rate `peak`."""


@dataclass(frozen=True)
class Cosine(Schedule):
    """Cosine decay from `peak` to `final * peak` (Loshchilov & Hutter 2017, equation 5, without restarts)."""

    final: float = 0.0

    def validate(self) -> None:
        super().validate()
        self.require(0 <= self.final <= 1, "final", "in [0, 1]")


@dataclass(frozen=True)
class Polynomial(Schedule):
    """Polynomial decay: `peak` times (remaining fraction of the run) ** `power`; power 1 is linear decay to 0."""

    power: float = 1.0

    def validate(self) -> None:
        super().validate()
        self.require(self.power > 0, "power", "positive")


@dataclass(frozen=True)
class MultiStep(Schedule):
    """Step decay at given times: `peak`, multiplied by `factor` at each of the `boundaries` (fractions of the run)."""

    boundaries: tuple[float, ...] = ()
    factor: float = 0.1

    def validate(self) -> None:
        super().validate()
        self.require(len(self.boundaries) > 0, "boundaries", "one or more fractions of the run")
        inside = all(self.warmup <= boundary < 1 for boundary in self.boundaries)
        self.require(inside, "boundaries", "fractions of the run, after the warm-up")
        self.require(tuple(sorted(set(self.boundaries))) == self.boundaries, "boundaries", "in rising order")
        self.require(0 < self.factor < 1, "factor", "in (0, 1)")


@dataclass(frozen=True)
class Step(Schedule):
    """Step decay at regular intervals: `peak`, multiplied by `factor` after each `every` (a fraction of the run).

    MobileNets and EfficientNets are trained with a decay of 0.97 every 2.4 of 350 epochs:
    `Step(every=2.4 / 350, factor=0.97)`.
    """

    every: float = 1 / 3
    factor: float = 0.1

    def validate(self) -> None:
        super().validate()
        self.require(0 < self.every < 1, "every", "in (0, 1)")
        self.require(0 < self.factor < 1, "factor", "in (0, 1)")


@dataclass(frozen=True)
class Exponential(Schedule):
    """Exponential decay to `final * peak` at the end, after a phase at the constant rate `peak`.

    The example schedule in Keras's documentation, a constant rate for 50 of 100 epochs and then a factor of exp(-0.1)
    per epoch, is `Exponential(constant=0.5, final=math.exp(-5))`, but decays at every step instead of every epoch.

    Attributes:
      final: rate at the end, as a fraction of `peak`.
      constant: fraction of the run, including the warm-up, after which the decay starts.
    """

    final: float = 0.01
    constant: float = 0.0

    def validate(self) -> None:
        super().validate()
        self.require(0 < self.final < 1, "final", "in (0, 1)")
        self.require(0 <= self.constant < 1, "constant", "in [0, 1)")
        self.require(self.constant == 0 or self.constant >= self.warmup, "constant", "0, or at least warmup")


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One-cycle schedule in three linear phases: up to `peak`, down again, and on to a far lower rate.

    See Smith & Topin 2018, arXiv:1708.07120. In the paper the momentum falls and rises meanwhile; here it is constant.

    Attributes:
      rise, fall: lengths of the first two phases, as fractions of the run.
      initial: rate at the first step and after the second phase, as a fraction of `peak`.
      final: rate at the end, as a fraction of `peak`.
    """

    rise: float = 0.45
    fall: float = 0.45
    initial: float = 0.1
    final: float = 0.001

    def validate(self) -> None:
        super().validate()
        self.require(self.warmup == 0, "warmup", "0, since its rise is a warm-up")
        self.require(0 < self.rise < 1, "rise", "in (0, 1)")
        self.require(0 < self.fall <= 1 - self.rise, "fall", "positive, and at most 1 together with rise")
        self.require(0 < self.initial <= 1, "initial", "in (0, 1]")
        self.require(0 <= self.final <= self.initial, "final", "between 0 and initial")
