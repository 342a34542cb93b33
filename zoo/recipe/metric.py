"""What an evaluation tells, and when it has become better."""

from collections.abc import Mapping

METRIC_NAMES: Mapping[str, str] = {
    "loss": "loss",
    "top1": "accuracy",
    "top5": "top-5 accuracy",
    "balanced_accuracy": "balanced accuracy",
}
HIGHER_IS_BETTER: Mapping[str, bool] = {name: name != "loss" for name in METRIC_NAMES}
TOP5_CLASSES = 10  # with fewer, five answers of which one must be right say little, and there is no `top5`


def improves(metric: str, value: float, best: float | None, minimum_change: float = 0.0) -> bool:
    """Whether `value` is better than `best` by more than `minimum_change`; what is not a number never is.

    Args:
      metric: a name from `METRIC_NAMES`.
      value: of this evaluation.
      best: of those before; None if there are none.
      minimum_change: at least 0, in the metric's unit.
    """
    if best is None:
        return value == value
    return value > best + minimum_change if HIGHER_IS_BETTER[metric] else value < best - minimum_change
