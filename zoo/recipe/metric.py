"""What an evaluation tells, and when it has become better."""

from collections.abc import Mapping

HIGHER_IS_BETTER: Mapping[str, bool] = {"loss": False, "top1": True, "balanced_accuracy": True}


def improves(metric: str, value: float, best: float | None, minimum_change: float = 0.0) -> bool:
    """Whether `value` is better than `best` by more than `minimum_change`; what is not a number never is.

    Args:
      metric: a name from `HIGHER_IS_BETTER`.
      value: of this evaluation.
      best: of those before; None if there are none.
      minimum_change: at least 0, in the metric's unit.
    """
    if best is None:
        return value == value
    return value > best + minimum_change if HIGHER_IS_BETTER[metric] else value < best - minimum_change
