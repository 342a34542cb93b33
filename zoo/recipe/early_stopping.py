"""Decisions based on evaluations: early stopping, and reduction of the learning rate on a plateau."""

from dataclasses import dataclass

from zoo.recipe.metric import HIGHER_IS_BETTER
from zoo.recipe.part import Part
from zoo.recipe.schedule import Schedule


@dataclass(frozen=True)
class EarlyStopping(Part):
    """Early stopping: ends the run when the metric stops improving, and restores the weights of the best evaluation.

    See Prechelt 1998, "Early Stopping - But When?". The evaluations compared are on the validation split, if
    `data.validation` is set, with `budget.interim_examples` examples each, including the one after the last step. The
    restored weights are evaluated once more, on the whole evaluation split.

    Attributes:
      metric: "loss", "top1", "top5" or "balanced_accuracy".
      patience: number of consecutive evaluations without improvement on the best after which the run ends.
      minimum_change: minimum change of the metric that counts as an improvement, in the metric's unit.
    """

    metric: str = "loss"
    patience: int = 3
    minimum_change: float = 0.0

    def validate(self) -> None:
        self.require(self.metric in HIGHER_IS_BETTER, "metric", f"one of {', '.join(HIGHER_IS_BETTER)}")
        self.require(self.patience > 0, "patience", "positive")
        self.require(self.minimum_change >= 0, "minimum_change", "at least 0")


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Multiplies the rate by `factor` whenever the metric stops improving, as Keras's ReduceLROnPlateau.

    Attributes:
      metric: "loss", "top1", "top5" or "balanced_accuracy", on the validation split if `data.validation` is set.
      factor: factor of each reduction.
      patience: number of consecutive evaluations without improvement on the best after which the rate is reduced.
        PyTorch counts from 0, so that its patience is one less.
      minimum_change: minimum change of the metric that counts as an improvement, in the metric's unit.
      final: lower bound of the rate, as a fraction of `peak`.
    """

    metric: str = "loss"
    factor: float = 0.1
    patience: int = 3
    minimum_change: float = 0.0
    final: float = 0.0

    def validate(self) -> None:
        super().validate()
        self.require(self.metric in HIGHER_IS_BETTER, "metric", f"one of {', '.join(HIGHER_IS_BETTER)}")
        self.require(0 < self.factor < 1, "factor", "in (0, 1)")
        self.require(self.patience > 0, "patience", "positive")
        self.require(self.minimum_change >= 0, "minimum_change", "at least 0")
        self.require(0 <= self.final < 1, "final", "in [0, 1)")
