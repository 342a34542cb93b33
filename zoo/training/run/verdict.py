"""The verdict on a run: whether it converged, and by which criterion."""

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
      converged: whether the target was reached on the whole evaluation split, within the promised steps.
      metric: the metric of the target, such as "top1".
      value: final value of the metric; None for a run that diverged.
      target: value that the metric had to reach; None if the run diverged and had no target.
      reached_step: step of the first evaluation that reached the target, possibly an interim one on a subset or on the
        validation split; None if none did.
      steps: optimizer steps done.
      within_steps: the promised number of steps.
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
    """Returns the verdict on a run that ended without diverging.

    Without a target, accuracy must exceed the majority-class baseline by three standard errors, which happens by chance
    once in 741 runs.

    Args:
      history: the run's records; the last evaluation is the final one.
      target: the recipe's.
      total_steps: number of steps of the run without early stopping.
      examples: the word for examples, "images" or "examples".
    """
    evaluations = [record for record in history if record["kind"] != "train"]
    final = evaluations[-1]
    if target is None:
        baseline = final["majority"]
        target = Target(min(baseline + 3 * math.sqrt(baseline * (1 - baseline) / final["examples"]), 1.0))
        value, goal = format_pair(final[target.metric], target.value, target.reached(final), exact=False)
        goal = f"{goal}, the majority-class baseline plus three standard errors"
    else:
        value, goal = format_pair(final[target.metric], target.value, target.reached(final), exact=True)
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
        early = "" if reached_step == steps else f"; first reached at step {reached_step}"
        explanation = f"converged: {found} reaches {goal}, within the promised {within_steps} steps{early}"
    converged = target.reached(final) and steps <= within_steps
    value = final[target.metric]
    return Verdict(converged, target.metric, value, target.value, reached_step, steps, within_steps, explanation)


def format_pair(value: float, target: float, reached: bool, *, exact: bool) -> tuple[str, str]:
    """Formats a metric and its target with enough digits to agree with the verdict: at least four and three.

    Args:
      value: of the metric.
      target: value that it had to reach.
      reached: whether it did; if not, the two strings differ.
      exact: whether to format the target with exactly the digits that it was set with.
    """
    whole = f"{target:g}" if float(f"{target:g}") == target else repr(target)
    for digits in range(4, 17):
        found = f"{value:.{digits}f}"
        goal = whole if exact else f"{target:.{3 if digits == 4 else digits}f}"
        if np.sign(float(found) - float(goal)) in (np.sign(value - target), 0.0 if reached else None):
            return found, goal
    return repr(value), repr(target)


def diverged(values: dict[str, float], where: str, target: Target | None, step: int, total_steps: int) -> Verdict:
    """Returns the verdict on a run that was ended by a non-finite loss or gradient.

    Args:
      values: `loss`, `grad_norm` and `learning_rate` of the failed step.
      where: location of the first non-finite value, from `zoo.training.diagnosis`.
      target, total_steps: see `judge`.
      step: number of the failed step.
    """
    explanation = (
        f"diverged: at step {step}, with learning rate {values['learning_rate']:g}, the loss is {values['loss']:g} and"
        f" the gradient norm {values['grad_norm']:g}; first non-finite value: {where}"
    )
    metric, value = (target.metric, target.value) if target else ("top1", None)
    within_steps = (target and target.within_steps) or total_steps
    return Verdict(False, metric, None, value, None, step - 1, within_steps, explanation)
