"""The records of a run as arrays, and what can be computed from them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.recipe import SGD, Adagrad, Adam, ClipByNorm, Lion, Recipe, RMSprop

SMALL_FALL = 0.1  # fall that all steps together can cause at first order, as a fraction of the loss
SMALL_PATH = 0.02  # sum of the learning rates: how far an optimizer with steps of the rate's size moves a parameter
ENOUGH_PATH = 0.5  # the same, in healthy runs


class Records(NamedTuple):
    """The records of a run, as arrays over its steps.

    Attributes:
      losses, accuracies, rates, gradients: of the steps, [n]: training loss and accuracy, learning rate, and the norm
        of the gradient (NaN where it was not recorded).
      evaluations: in order; the last one is the final one, if the run did not diverge.
    """

    losses: np.ndarray
    accuracies: np.ndarray
    rates: np.ndarray
    gradients: np.ndarray
    evaluations: Sequence[dict[str, Any]]

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.losses)

    @property
    def start(self) -> float:
        """Mean loss of the first steps."""
        return float(self.losses[: max(self.steps // 20, 5)].mean())

    @property
    def end(self) -> float:
        """Mean loss of the last quarter."""
        return float(self.losses[-max(self.steps // 4, 1) :].mean())


def read_records(history: Iterable[dict[str, Any]]) -> Records:
    """Returns the records of a run, see `zoo.training.fit.FitResult.history`, as arrays."""
    history = list(history)
    train = [record for record in history if record["kind"] == "train"]
    names = ("loss", "top1", "learning_rate", "grad_norm")
    losses, accuracies, rates, gradients = (
        np.array([record.get(name, np.nan) for record in train], float) for name in names
    )
    evaluations = [record for record in history if record["kind"] != "train"]
    return Records(losses, accuracies, rates, gradients, evaluations)


def fall_of(losses: np.ndarray) -> tuple[float, float]:
    """Returns how much a straight line through losses falls, and that in standard errors of its slope."""
    steps = np.arange(len(losses)) - (len(losses) - 1) / 2
    slope = float(steps @ losses / (steps @ steps))
    rest = losses - losses.mean() - slope * steps
    error = math.sqrt(float(rest @ rest) / (len(losses) - 2) / float(steps @ steps))
    return -slope * (len(losses) - 1), -slope / max(error, 1e-12)


class Change(NamedTuple):
    """What all steps of a run together can change, where that is less than training needs.

    Attributes:
      text: a phrase that says it.
      factor: power of ten on the learning rate with which it would be about enough.
    """

    text: str
    factor: float


def possible_change(recipe: Recipe, records: Records) -> Change | None:
    """Returns how little all steps could change; None if it is enough, or not known for the optimizer."""
    optimizer, path = recipe.optimizer, float(records.rates.sum())
    if isinstance(optimizer, SGD) and np.isfinite(records.gradients).all():
        norms = records.gradients
        used = np.minimum(norms, recipe.clipping.norm) if isinstance(recipe.clipping, ClipByNorm) else norms
        # The fall at first order. Norms of batches exceed that of the whole gradient, so that it is no underestimate.
        fall = float((records.rates * used * norms).sum() / (1 - optimizer.momentum))
        if 0 < fall < SMALL_FALL * records.start:
            text = f"with these rates and gradients, all steps together can lower it by {fall:.2g} only"
            return Change(text, _power_of_ten(records.start / fall))
    if isinstance(optimizer, Adam | Lion | RMSprop | Adagrad) and 0 < path < SMALL_PATH:
        text = f"a parameter can move by about {path:.2g} in the whole run, the sum of the learning rates"
        return Change(text, _power_of_ten(ENOUGH_PATH / path))
    return None


def _power_of_ten(factor):
    return 10.0 ** max(round(math.log10(factor)), 1)
