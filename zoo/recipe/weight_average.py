"""An average of the weights over training, which is evaluated instead of the last weights."""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class WeightAverage(Part):
    """An exponential moving average of the parameters, which is what is evaluated, and what the run gives.

    Averaged with them are the moving statistics of batch normalization, as in TensorFlow's EfficientNet: those at hand
    are of the activations of the last weights, which are not those of the averaged ones.

    Attributes:
      decay: weight of the average so far.
      ramp: whether the decay is at most (1 + n) / (10 + n) after n steps, as in TensorFlow's ExponentialMovingAverage with
        `num_updates`, so that the parameters before training are soon forgotten.
    """

    decay: float = 0.9999
    ramp: bool = True

    def validate(self) -> None:
        self.require(0 < self.decay < 1, "decay", "in (0, 1)")
