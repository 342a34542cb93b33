"""What keeps a network from memorizing its training images."""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Regularization(Part):
    """Penalties and smoothing. Dropout is an option of the model.

    Attributes:
      weight_decay: this times the weight is added to its gradient (L2); by AdamW, LAMB and Lion to the update instead,
        see `zoo.recipe.optimizer.Optimizer`.
      decayed: the parameters that decay or have an L1 penalty, by shell-style patterns.
      label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al. 2015, section 7).
      l1: this times the sign of the weight is added to its gradient, whatever the optimizer.
    """

    weight_decay: float = 0.0
    decayed: tuple[str, ...] = ("*kernel",)
    label_smoothing: float = 0.0
    l1: float = 0.0

    def validate(self) -> None:
        self.require(self.weight_decay >= 0, "weight_decay", "at least 0")
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "in [0, 1)")
        self.require(self.l1 >= 0, "l1", "at least 0")
