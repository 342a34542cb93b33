"""How parameters start. `zoo.training.step.initialization` draws them; `verification` checks what was drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.recipe.part import Part


class Distribution(Part, abstract=True):
    """Where the values of one parameter come from. Those of kernels follow from the kernel's shape [..., in, out]."""

    of_kernels: ClassVar[bool] = False


@dataclass(frozen=True)
class HeNormal(Distribution):
    """Gaussian with variance 2 / fan_in (He et al. 2015, arXiv:1502.01852, equation 10).

    Attributes:
      truncated: whether values beyond two deviations are drawn again, from a Gaussian that is wider by as much as this
        takes off the variance: what Keras and Flax call by this name.
    """

    of_kernels: ClassVar[bool] = True

    truncated: bool = False


@dataclass(frozen=True)
class HeUniform(Distribution):
    """Uniform with variance 2 / fan_in."""

    of_kernels: ClassVar[bool] = True


@dataclass(frozen=True)
class GlorotNormal(Distribution):
    """Gaussian with variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010, equation 12).

    Attributes:
      truncated: whether values beyond two deviations are drawn again, from a Gaussian that is wider by as much as this
        takes off the variance: what Keras and Flax call by this name.
    """

    of_kernels: ClassVar[bool] = True

    truncated: bool = False


@dataclass(frozen=True)
class GlorotUniform(Distribution):
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010, equation 16)."""

    of_kernels: ClassVar[bool] = True


@dataclass(frozen=True)
class LeCunNormal(Distribution):
    """Gaussian with variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6).

    Attributes:
      truncated: whether values beyond two deviations are drawn again, from a Gaussian that is wider by as much as this
        takes off the variance: what Keras and Flax call by this name.
    """

    of_kernels: ClassVar[bool] = True

    truncated: bool = False


@dataclass(frozen=True)
class LeCunUniform(Distribution):
    """Uniform with variance 1 / fan_in."""

    of_kernels: ClassVar[bool] = True


@dataclass(frozen=True)
class Normal(Distribution):
    """Gaussian with mean 0 and the deviation `stddev`."""

    stddev: float

    def validate(self) -> None:
        self.require(self.stddev > 0, "stddev", "positive")


@dataclass(frozen=True)
class TruncatedNormal(Distribution):
    """Gaussian with mean 0, values beyond two deviations drawn again.

    Attributes:
      stddev: of the Gaussian before, as in Keras, JAX and PyTorch; what is left has the deviation 0.880 `stddev`.
    """

    stddev: float

    def validate(self) -> None:
        self.require(self.stddev > 0, "stddev", "positive")


@dataclass(frozen=True)
class Orthogonal(Distribution):
    """A kernel as a matrix [all but out, out] has orthogonal columns of the length `scale`, or rows where they are fewer;
    uniformly among all such matrices (Saxe et al. 2014, arXiv:1312.6120, section 3).
    """

    of_kernels: ClassVar[bool] = True

    scale: float = 1.0

    def validate(self) -> None:
        self.require(self.scale > 0, "scale", "positive")


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

    Residual branches that start at zero (Goyal et al. 2017, section 5.1) are exceptions with `Constant(0.0)`:
    "layer*_*/bn2/scale" for ResNets of two convolutions a block (resnet18, resnet34, resnet20 and the others for
    CIFAR), "layer*_*/bn3/scale" for bottlenecks (resnet50 and deeper ones, ResNeXt, wide_resnet50_2). Pre-activation
    blocks end in a convolution: "layer*_*/conv2/kernel" for wrn_16_4 and wrn_28_10, "layer*_*/conv3/kernel" for
    resnetv2_50.
    """

    kernel: Distribution | None = None
    bias: Distribution | None = None
    exceptions: Mapping[str, Distribution] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(not (self.bias and self.bias.of_kernels), "bias", "Normal, TruncatedNormal or Constant")
