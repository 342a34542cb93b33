"""Whether a run converged, and what that was measured against."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.recipe import Target
from zoo.recipe.metric import METRIC_NAMES


@dataclass(frozen=True)
class Verdict:
    """The outcome of a run.

    Attributes:
      converged: whether the target was reached, on the whole evaluation split, within the promised steps.
      metric: what is judged, such as "top1".
      value: of the metric at the end; None for a run that diverged.
      target: what it had to reach; None if the run diverged and there was no target.
      reached_step: the first evaluation, of some examples or the validation split perhaps, that had reached the target;
        None if none had.
      steps: optimizer steps done.
      within_steps: the promised number N.
      explanation: one line for people.
    """

    converged: bool
    metric: str
    value: float | None
    target: float | None
    reached_step: int | None
    steps: int
    within_steps: int
    explanation: str


def judge(history: list[dict[str, Any]], target: Target | None, total_steps: int, examples: str = "images") -> Verdict:
    """The verdict on a run that went to its end.

    Without a target, the network has to be better than always giving the most frequent answer, by three standard
    errors of a share of that size: luck alone does that once in 741 runs.

    Args:
      history: the run's records; the last evaluation is the one at the end.
      target: the recipe's.
      total_steps: of the run, had it not been stopped early.
      examples: what they are called.
    """
    evaluations = [record for record in history if record["kind"] != "train"]
    final = evaluations[-1]
    if target is None:
        share = final["majority"]
        target = Target(min(share + 3 * math.sqrt(share * (1 - share) / final["examples"]), 1.0))
        value, goal = told_apart(final[target.metric], target.value, target.reached(final), exact=False)
        goal = f"{goal}, which is better than always the most frequent class"
    else:
        value, goal = told_apart(final[target.metric], target.value, target.reached(final), exact=True)
        goal = f"the target {goal}"
    within_steps, steps = target.within_steps or total_steps, final["step"]
    reached_step = next((record["step"] for record in evaluations if target.reached(record)), None)
    name = METRIC_NAMES[target.metric]
    found = f"{name} {value} on {final['examples']:,} {examples} after {steps} steps"
    if not target.reached(final):
        explanation = f"did not converge: {found} does not reach {goal}"
    elif steps > within_steps:
        explanation = f"did not converge in time: {found} reaches {goal}, but {within_steps} steps were promised"
    else:
        early = "" if reached_step == steps else f"; first seen at step {reached_step}"
        explanation = f"converged: {found} reaches {goal}, within the promised {within_steps} steps{early}"
    converged = target.reached(final) and steps <= within_steps
    value = final[target.metric]
    return Verdict(converged, target.metric, value, target.value, reached_step, steps, within_steps, explanation)


def told_apart(value: float, target: float, reached: bool, *, exact: bool) -> tuple[str, str]:
    """A metric and its target with as many digits as do not contradict the verdict: at least four, and three.

    Args:
      value: of the metric.
      target: what it was to reach.
      reached: whether it has; if not, the two must not look the same.
      exact: whether the target is given with just the digits that it has, as it was set.
    """
    whole = f"{target:g}" if float(f"{target:g}") == target else repr(target)
    for digits in range(4, 17):
        found = f"{value:.{digits}f}"
        goal = whole if exact else f"{target:.{3 if digits == 4 else digits}f}"
        if np.sign(float(found) - float(goal)) in (np.sign(value - target), 0.0 if reached else None):
            return found, goal
    return repr(value), repr(target)


def diverged(values: dict[str, float], where: str, target: Target | None, step: int, total_steps: int) -> Verdict:
    """The verdict on a run that a step ended whose loss or gradient was not finite.

    Args:
      values: the step's `loss`, `grad_norm` and `learning_rate`.
      where: what was first not finite, from `zoo.training.diagnosis`.
      target, total_steps: as in `judge`.
      step: the one that failed; earlier ones are done.
    """
    explanation = (
        f"diverged: at step {step}, with learning rate {values['learning_rate']:g}, the loss is {values['loss']:g} and the"
        f" gradient's norm {values['grad_norm']:g}; first not finite is {where}"
    )
    metric, value = (target.metric, target.value) if target else ("top1", None)
    within_steps = (target and target.within_steps) or total_steps
    return Verdict(False, metric, None, value, None, step - 1, within_steps, explanation)
