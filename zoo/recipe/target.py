"""The target of a recipe: the result that a converged run reaches."""

from collections.abc import Mapping
from dataclasses import dataclass

from zoo.recipe.metric import HIGHER_IS_BETTER
from zoo.recipe.part import Part


@dataclass(frozen=True)
class Target(Part):
    """The metric that the final evaluation must reach for the run to count as converged.

    Attributes:
      value: the value of the metric to reach.
      metric: "top1", "top5" or "balanced_accuracy" (at least `value`, from 0 to 1), or "loss" (at most `value`).
      within_steps: number of optimizer steps within which the target is reached; None for the whole run.
    """

    value: float
    metric: str = "top1"
    within_steps: int | None = None

    def validate(self) -> None:
        self.require(self.metric in HIGHER_IS_BETTER, "metric", f"one of {', '.join(HIGHER_IS_BETTER)}")
        self.require(self.value > 0, "value", "positive")
        self.require(self.metric == "loss" or self.value <= 1, "value", "in (0, 1]")
        self.require(self.within_steps is None or self.within_steps > 0, "within_steps", "positive")

    def reached(self, metrics: Mapping[str, float]) -> bool:
        """Whether the metrics of an evaluation reach the target."""
        found = metrics[self.metric]
        return found >= self.value if HIGHER_IS_BETTER[self.metric] else found <= self.value
