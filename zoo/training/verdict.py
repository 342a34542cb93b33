"""Whether a run converged, and what that was measured against."""

import math
from dataclasses import dataclass
from typing import Any

from zoo.recipe import Target


@dataclass(frozen=True)
class Verdict:
    """The outcome of a run.

    Attributes:
      converged: whether the accuracy at the end reached the target within the promised steps.
      top1: accuracy on the whole evaluation split at the end; None for a run that diverged.
      target: what it had to reach.
      reached_step: the first evaluation that had reached the target; None if none had.
      steps: optimizer steps done.
      within_steps: the promised number N.
      explanation: one line for people.
    """

    converged: bool
    top1: float | None
    target: float | None
    reached_step: int | None
    steps: int
    within_steps: int
    explanation: str


def judge(history: list[dict[str, Any]], target: Target | None, total_steps: int) -> Verdict:
    """The verdict on a run that went to its end.

    Without a target, the network has to be better than always giving the most frequent answer, by three standard
    errors of a share of that size: luck alone does that once in 741 runs.

    Args:
      history: the run's records; the last evaluation is the one at the end.
      target: the recipe's.
      total_steps: of the run.
    """
    evaluations = [record for record in history if record["kind"] == "eval"]
    final = evaluations[-1]
    if target is None:
        share = final["majority"]
        goal = min(share + 3 * math.sqrt(share * (1 - share) / final["examples"]), 1.0)
        within_steps = total_steps
        what = f"{goal:.3f}, which is better than always the most frequent class"
    else:
        goal = target.top1
        within_steps = target.within_steps or total_steps
        what = f"the target {goal:.3f}"
    reached_step = next((record["step"] for record in evaluations if record["top1"] >= goal), None)
    converged = final["top1"] >= goal and total_steps <= within_steps
    accuracy = f"accuracy {final['top1']:.4f} on {final['examples']:,} images after {total_steps} steps"
    if converged:
        early = "" if reached_step == total_steps else f"; first seen at step {reached_step}"
        explanation = f"converged: {accuracy} reaches {what}, within the promised {within_steps} steps{early}"
    elif final["top1"] >= goal:
        explanation = f"did not converge in time: {accuracy} reaches {what}, but {within_steps} steps were promised"
    else:
        explanation = f"did not converge: {accuracy} does not reach {what}"
    return Verdict(converged, final["top1"], goal, reached_step, total_steps, within_steps, explanation)


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
    within_steps = (target and target.within_steps) or total_steps
    return Verdict(False, None, target and target.top1, None, step - 1, within_steps, explanation)
