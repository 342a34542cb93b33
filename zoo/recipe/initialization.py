"""How parameters start. `zoo.initialization` draws them; `verification` checks what was drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.recipe.part import Part


class Distribution(Part, abstract=True):
    """Where the values of one parameter come from."""


@dataclass(frozen=True)
class HeNormal(Distribution):
    """Gaussian with variance 2 / fan_in (He et al. 2015, arXiv:1502.01852, equation 10); not truncated."""


@dataclass(frozen=True)
class HeUniform(Distribution):
    """Uniform with variance 2 / fan_in."""


@dataclass(frozen=True)
class GlorotNormal(Distribution):
    """Gaussian with variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010, equation 12)."""


@dataclass(frozen=True)
class GlorotUniform(Distribution):
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010, equation 16)."""


@dataclass(frozen=True)
class LeCunNormal(Distribution):
    """Gaussian with variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""


@dataclass(frozen=True)
class LeCunUniform(Distribution):
    """Uniform with variance 1 / fan_in."""


@dataclass(frozen=True)
class Normal(Distribution):
    """Gaussian with mean 0 and the deviation `stddev`."""

    stddev: float

    def validate(self):
        self.require(self.stddev > 0, "stddev", "positive")


@dataclass(frozen=True)
class Constant(Distribution):
    """Every value is `value`."""

    value: float


@dataclass(frozen=True)
class Initialization(Part):
    """A distribution for each parameter. The network's own (see its docstring) stands where a field is None.

    Attributes:
      kernel: for convolutions and linear layers.
      bias: for their biases.
      exceptions: by parameter, such as {"conv2/bias": Constant(1.0)}; shell-style patterns, the last that matches wins.
    """

    kernel: Distribution | None = None
    bias: Distribution | None = None
    exceptions: Mapping[str, Distribution] = field(default_factory=dict)
