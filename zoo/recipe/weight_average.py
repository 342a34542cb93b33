"""Averaging of weights over training."""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class WeightAverage(Part):
    """Exponential moving average of the parameters, which is evaluated and returned instead of the last parameters.

    The running statistics of batch normalization are averaged as well, as in TensorFlow's EfficientNet: the current
    ones are of activations under the last parameters, which differ from those under the average.

    Attributes:
      decay: decay of the average.
      ramp: whether the decay is at most (1 + n) / (10 + n) after n steps, as in TensorFlow's ExponentialMovingAverage
        with `num_updates`, so that the initial parameters soon lose their weight.
    """

    decay: float = 0.9999
    ramp: bool = True

    def validate(self) -> None:
        self.require(0 < self.decay < 1, "decay", "in (0, 1)")
