"""Initializers of parameters. `zoo.training.step.initialization` samples them; `verification` tests the samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.recipe.part import Part


class Distribution(Part, abstract=True):
    """The distribution of the initial values of one parameter.

    Attributes:
      of_kernels: whether it depends on fan_in and fan_out, and so is for kernels [..., in, out] only.
    """

    of_kernels: ClassVar[bool] = False


@dataclass(frozen=True)
class HeNormal(Distribution):
    """Gaussian with variance 2 / fan_in (He et al. 2015, arXiv:1502.01852, equation 10).

    Attributes:
      truncated: whether to truncate at two standard deviations, of a Gaussian that is wider so that the variance stays
        the same: the initializer of this name in Keras and Flax.
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
      truncated: whether to truncate at two standard deviations, of a Gaussian that is wider so that the variance stays
        the same: the initializer of this name in Keras and Flax.
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
      truncated: whether to truncate at two standard deviations, of a Gaussian that is wider so that the variance stays
        the same: the initializer of this name in Keras and Flax.
    """

    of_kernels: ClassVar[bool] = True

    truncated: bool = False


@dataclass(frozen=True)
class LeCunUniform(Distribution):
    """Uniform with variance 1 / fan_in."""

    of_kernels: ClassVar[bool] = True


@dataclass(frozen=True)
class Normal(Distribution):
    """Gaussian with mean 0 and standard deviation `stddev`."""

    stddev: float

    def validate(self) -> None:
        self.require(self.stddev > 0, "stddev", "positive")


@dataclass(frozen=True)
class TruncatedNormal(Distribution):
    """Gaussian with mean 0, truncated at two standard deviations.

    Attributes:
      stddev: standard deviation before truncation, as in Keras, JAX and PyTorch; after it, the standard deviation is
        0.880 `stddev`.
    """

    stddev: float

    def validate(self) -> None:
        self.require(self.stddev > 0, "stddev", "positive")


@dataclass(frozen=True)
class Orthogonal(Distribution):
    """Uniformly random orthogonal matrix, times `scale` (Saxe et al. 2014, arXiv:1312.6120, section 3).

    The kernel, as a matrix [all but out, out], has orthogonal columns of norm `scale`, or rows if these are fewer.
    """

    of_kernels: ClassVar[bool] = True

    scale: float = 1.0

    def validate(self) -> None:
        self.require(self.scale > 0, "scale", "positive")


@dataclass(frozen=True)
class Constant(Distribution):
    """Constant `value`."""

    value: float


@dataclass(frozen=True)
class Initialization(Part):
    """The initializers of all parameters. Where a field is None, the network's own is used (see its docstring).

    Attributes:
      kernel: initializer of the kernels of convolutions and linear layers.
      bias: initializer of their biases.
      exceptions: initializers by parameter, such as {"conv2/bias": Constant(1.0)}, which take precedence. Keys are
        shell-style patterns, of which the last that matches counts.

    To start residual branches at zero (Goyal et al. 2017, section 5.1), use exceptions with `Constant(0.0)`:
    "layer*_*/bn2/scale" for ResNets with two convolutions per block (resnet18, resnet34, resnet20 and the others for
    CIFAR), "layer*_*/bn3/scale" for bottlenecks (resnet50 and deeper ones, ResNeXt, wide_resnet50_2). Pre-activation
    blocks end in a convolution: "layer*_*/conv2/kernel" for wrn_16_4 and wrn_28_10, "layer*_*/conv3/kernel" for
    resnetv2_50.
    """

    kernel: Distribution | None = None
    bias: Distribution | None = None
    exceptions: Mapping[str, Distribution] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(not (self.bias and self.bias.of_kernels), "bias", "Normal, TruncatedNormal or Constant")
