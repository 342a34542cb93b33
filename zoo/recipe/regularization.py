"""Regularization of the weights and targets."""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Regularization(Part):
    """Weight penalties and label smoothing. Dropout is an option of the model.

    Attributes:
      weight_decay: factor of the weight that is added to its gradient (L2), or to the update with AdamW, LAMB and Lion;
        see `zoo.recipe.optimizer.Optimizer`.
      decayed: shell-style patterns of the parameters that weight decay and the L1 penalty apply to.
      label_smoothing: fraction of the target that is spread evenly over all classes (Szegedy et al. 2015, section 7).
      l1: factor of the sign of the weight that is added to its gradient, with every optimizer.
    """

    weight_decay: float = 0.0
    decayed: tuple[str, ...] = ("*kernel",)
    label_smoothing: float = 0.0
    l1: float = 0.0

    def validate(self) -> None:
        self.require(self.weight_decay >= 0, "weight_decay", "at least 0")
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "in [0, 1)")
        self.require(self.l1 >= 0, "l1", "at least 0")
