"""Metrics of an evaluation, and their direction of improvement."""

from collections.abc import Mapping

METRIC_NAMES: Mapping[str, str] = {
    "loss": "loss",
    "top1": "accuracy",
    "top5": "top-5 accuracy",
    "balanced_accuracy": "balanced accuracy",
}
HIGHER_IS_BETTER: Mapping[str, bool] = {name: name != "loss" for name in METRIC_NAMES}
TOP5_CLASSES = 10  # minimum number of classes for `top5`; with fewer, it is hardly informative


def improves(metric: str, value: float, best: float | None, minimum_change: float = 0.0) -> bool:
    """Whether a metric has improved by more than `minimum_change`; NaN never is an improvement.

    Args:
      metric: a name from `METRIC_NAMES`.
      value: the metric in this evaluation.
      best: the best value in earlier evaluations; None if there are none.
      minimum_change: minimum improvement, at least 0, in the metric's unit.
    """
    if best is None:
        return value == value
    return value > best + minimum_change if HIGHER_IS_BETTER[metric] else value < best - minimum_change
