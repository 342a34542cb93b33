"""The learning rate over the run. `zoo.training.step.schedule` computes it.

Times in a schedule are fractions of the run, so that a shorter budget shortens the whole schedule with it.
"""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Schedule(Part, abstract=True):
    """The learning rate over the run.

    Attributes:
      peak: the largest learning rate.
      warmup: fraction of the run in which the rate rises linearly from 0 to `peak`; the shape below takes the rest.
    """

    peak: float
    warmup: float = 0.0

    def validate(self) -> None:
        self.require(self.peak > 0, "peak", "positive")
        self.require(0 <= self.warmup < 1, "warmup", "in [0, 1)")


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """Stays at `peak`."""


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from `peak` to `final * peak` (Loshchilov & Hutter 2017, equation 5, without restarts)."""

    final: float = 0.0

    def validate(self) -> None:
        super().validate()
        self.require(0 <= self.final <= 1, "final", "in [0, 1]")


@dataclass(frozen=True)
class Polynomial(Schedule):
    """`peak` times (what is left of the run) ** `power`; power 1 is a straight line to 0."""

    power: float = 1.0

    def validate(self) -> None:
        super().validate()
        self.require(self.power > 0, "power", "positive")


@dataclass(frozen=True)
class MultiStep(Schedule):
    """`peak`, multiplied by `factor` at each of the `boundaries` (fractions of the whole run)."""

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
    """`peak`, multiplied by `factor` each time that another `every` (a fraction of the whole run) is over.

    The MobileNets and EfficientNets fall so: by 0.97 every 2.4 of 350 epochs, `Step(every=2.4 / 350, factor=0.97)`.
    """

    every: float = 1 / 3
    factor: float = 0.1

    def validate(self) -> None:
        super().validate()
        self.require(0 < self.every < 1, "every", "in (0, 1)")
        self.require(0 < self.factor < 1, "factor", "in (0, 1)")


@dataclass(frozen=True)
class Exponential(Schedule):
    """Stays at `peak` for a while, then falls by the same factor at each step, to `final * peak` at the end.

    Keras' example of a schedule, a constant rate for 50 of 100 epochs and then exp(-0.1) an epoch, is
    `Exponential(constant=0.5, final=math.exp(-5))`, in steps for epochs.

    Attributes:
      final: fraction of the peak.
      constant: fraction of the whole run, warm-up included, after which the rate begins to fall.
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
    """Three straight lines: up to `peak`, down again, and far below in what is left (Smith & Topin 2018,
    arXiv:1708.07120). The paper lets the momentum fall and rise meanwhile; here it stays.

    Attributes:
      rise, fall: fractions of the run that the first two lines take.
      initial: fraction of the peak, at the first step and after the fall.
      final: fraction of the peak at the end.
    """

    rise: float = 0.45
    fall: float = 0.45
    initial: float = 0.1
    final: float = 0.001

    def validate(self) -> None:
        super().validate()
        self.require(self.warmup == 0, "warmup", "0: its rise is one already")
        self.require(0 < self.rise < 1, "rise", "in (0, 1)")
        self.require(0 < self.fall <= 1 - self.rise, "fall", "positive, and at most 1 together with rise")
        self.require(0 < self.initial <= 1, "initial", "in (0, 1]")
        self.require(0 <= self.final <= self.initial, "final", "between 0 and initial")
