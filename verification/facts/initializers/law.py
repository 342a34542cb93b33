"""The distribution of the initial values of a parameter, in terms of its variance."""

import math
from dataclasses import dataclass
from typing import Literal

Fan = Literal["fan_in", "fan_out", "fan_sum"]
Form = Literal["normal", "truncated normal", "uniform", "constant"]

# Variance of a standard normal that is truncated at +-2: 1 - 4 phi(2) / (Phi(2) - Phi(-2)).
VARIANCE_OF_TRUNCATED = 0.7737413035


@dataclass(frozen=True)
class Law:
    """A constant, or a distribution with mean 0 and variance `numerator` / `fan` ** `power`.

    Attributes:
      form: "truncated normal" is cut at two standard deviations of the normal before truncation.
      numerator: of the variance, after truncation; the value itself of a constant.
      fan: "fan_in" is the number of inputs of a unit; "fan_out" is the size of the kernel in pixels times all output
        channels, also of a grouped convolution, as Torch and PyTorch count it; "fan_sum" is the sum of both. None for a
        variance that depends on no fan.
      power: of the fan.
    """

    form: Form
    numerator: float
    fan: Fan | None = None
    power: int = 1

    def variance(self, kernel: tuple[int, ...]) -> float:
        """Returns the variance for a layer whose kernel has the shape [..., in, out]; for a bias, that of its layer."""
        if self.form == "constant":
            return 0.0
        if self.fan is None:
            return self.numerator
        fan_in, fan_out = math.prod(kernel[:-1]), math.prod(kernel[:-2]) * kernel[-1]
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_sum": fan_in + fan_out}[self.fan]
        return self.numerator / fan**self.power

    def __str__(self) -> str:
        if self.form == "constant":
            return f"{self.numerator:g}"
        power = f"^{self.power}" if self.power > 1 else ""
        return f"a {self.form} of variance {self.numerator:.4g}" + (f" / {self.fan}{power}" if self.fan else "")


def constant(value: float) -> Law:
    """Returns the law of parameters that all have one value."""
    return Law("constant", value)


def normal(stddev: float) -> Law:
    """Returns a normal distribution with mean 0 and this standard deviation."""
    return Law("normal", stddev**2)


def truncated_normal(stddev: float) -> Law:
    """Returns a normal distribution truncated at two standard deviations, `stddev` being that before truncation."""
    return Law("truncated normal", stddev**2 * VARIANCE_OF_TRUNCATED)


def he_normal(fan: Fan) -> Law:
    """Returns a normal distribution of variance 2 / fan (He et al. 2015, arXiv:1502.01852, equations 10 and 14)."""
    return Law("normal", 2.0, fan)


def uniform_within(numerator: float, fan: Fan, root: bool = True) -> Law:
    """Returns the uniform distribution within +-`numerator` / sqrt(fan), or +-`numerator` / fan without the root."""
    return Law("uniform", numerator**2 / 3, fan, 1 if root else 2)


# Glorot & Bengio 2010, equation 16: within +-sqrt(6 / (fan_in + fan_out)).
GLOROT_UNIFORM = uniform_within(math.sqrt(6), "fan_sum")
ZERO, ONE = constant(0.0), constant(1.0)
