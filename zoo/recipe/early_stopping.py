"""Decisions that a run takes from its evaluations: to end early, and to lower the learning rate on a plateau."""

from dataclasses import dataclass

from zoo.recipe.metric import HIGHER_IS_BETTER
from zoo.recipe.part import Part
from zoo.recipe.schedule import Schedule


@dataclass(frozen=True)
class EarlyStopping(Part):
    """Ends the run when evaluations no longer get better, and takes the weights of the best one (Prechelt 1998, "Early
    Stopping - But When?").

    Evaluations that it compares are of the validation split, if `data.validation` makes one, and take
    `budget.interim_examples` examples each, also the one after the last step. The weights that are taken are evaluated
    once more, on all examples of the evaluation split.

    Attributes:
      metric: "loss", "top1", "top5" or "balanced_accuracy".
      patience: so many evaluations in a row that were not better than the best before them end the run.
      minimum_change: by how much it has to be better, in the metric's unit.
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
    """`peak`, multiplied by `factor` whenever evaluations no longer get better, as Keras' ReduceLROnPlateau.

    Attributes:
      metric: "loss", "top1", "top5" or "balanced_accuracy", of the validation split if `data.validation` makes one.
      factor: of each reduction.
      patience: so many evaluations in a row that were not better than the best before them lead to a reduction; PyTorch
        counts from 0, and its patience is one less.
      minimum_change: by how much it has to be better, in the metric's unit.
      final: fraction of the peak below which the rate does not fall.
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
