"""What the records of a run that did not converge point to, without another step of training.

Records are symptoms: a finding here is a reason to look, with a confidence of one half at most, and a fault that is
certain only where the run itself located it. Thresholds leave healthy runs of the zoo's recipes without any finding.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.doctor.diagnosis import Finding
from zoo.doctor.records import SMALL_FALL, fall_of, possible_change, read_records
from zoo.recipe import RawRange, Recipe, SoftmaxCrossEntropy, Unscaled
from zoo.training.run.verdict import Verdict

MIN_STEPS = 40  # fewer steps than these have no trend
EARLY = 0.1  # fraction of the run
RISE = 2.0  # factor on the first loss by which it rises before it diverges
SPIKE = 5.0  # factor on the first loss that healthy runs do not reach
FLAT = 0.05  # fall of the loss, as a fraction, below which it is the same
LARGE_START = 4.0  # first loss, in multiples of that of uniform predictions
LEAST_GRADIENT = 1e-3  # norm, below which a gradient has vanished
STANDARD_ERRORS = 6.0  # of the slope at the end; losses of neighbouring steps are not quite independent
STILL_FALLING = 0.05  # fall over the last quarter, as a fraction of the loss
LOW_RATE = 0.01  # of the peak
GAP = 0.15  # between the accuracies in training and evaluation
MEMORIZED = 0.95  # accuracy in training


def explain_history(
    recipe: Recipe, history: Sequence[dict[str, Any]], verdict: Verdict, classes: int | None = None
) -> list[Finding]:
    """Returns the causes that the records of a run point to, the most probable first; none for a run that converged.

    Args:
      recipe: of the run.
      history: its records, see `zoo.training.fit.FitResult.history`.
      verdict: on the run.
      classes: number of classes; None if it is not known.
    """
    records = read_records(history)
    final = records.evaluations[-1] if records.evaluations else None
    if verdict.converged or (recipe.target and verdict.value is not None and final and recipe.target.reached(final)):
        return []  # the second: it converged, but took more steps than promised
    if verdict.value is None:
        found = list(_divergence(recipe, records, verdict))
    else:
        trends = (_schedule, _small_steps, _still_falling, _memorized, _majority)
        rules = trends if records.steps >= MIN_STEPS else ()
        found = [
            finding for rule in (_spike, _large_start, *rules) for finding in rule(recipe, records, verdict, classes)
        ]
    first: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda finding: -finding.confidence):
        first.setdefault(finding.cause, finding)
    return list(first.values())


def _divergence(recipe, records, verdict):
    """A loss or gradient that is not finite: a rate that is too high, or inputs that are too large or not finite."""
    step = verdict.steps + 1
    if verdict.explanation.endswith("the network's input"):
        yield Finding(
            "bad_values",
            0.9,
            True,
            f"at step {step}, the first values that are not finite are in the network's input",
            evidence={"step": step},
            healthy="all inputs are finite",
            decided_by="history: location of the divergence",
        )
        return
    losses = records.losses
    rise = float(losses.max() / max(losses[0], 1e-9)) if len(losses) else 1.0
    total = _total(recipe, verdict)
    early = step <= max(EARLY * total, 3)
    rate = float(records.rates[-1]) if len(losses) else recipe.schedule.peak
    evidence = {"step": step, "steps": total, "largest loss / first loss": rise, "learning rate": rate}
    rising = f", after a loss {rise:.3g} times that of the first step" if rise >= RISE else ""
    text = f"the run diverged at step {step} of {total}, at a learning rate of {rate:.3g}{rising}"
    if early and (rise >= RISE or len(losses) <= 3) and _raw(recipe):
        yield _unscaled(0.5, text, evidence, "history: divergence")
    healthy = "a loss that stays finite and below its first value, apart from noise"
    confidence = 0.5 if early and rise >= RISE else 0.3
    yield _rate(recipe, "high", confidence, text, evidence, healthy, "history: divergence")


def _schedule(recipe, records, verdict, classes):
    """A rate close to zero for most of the run."""
    low = float((records.rates < LOW_RATE * records.rates.max()).mean())
    if low > 0.5:
        yield Finding(
            "schedule",
            0.5,
            False,
            f"the learning rate is below 1 % of its peak, {records.rates.max():.3g}, for {low:.0%} of the run",
            where="schedule",
            evidence={"fraction below 1 % of the peak": low, "peak": float(records.rates.max())},
            healthy="at most half of the run",
            remedy=f"let the schedule end with the run: --set='schedule=Cosine(peak={recipe.schedule.peak:.3g})'",
            decided_by="history: learning rates",
        )


def _spike(recipe, records, verdict, classes):
    """A loss that jumps in the first steps, and does not come back below where it started."""
    first = float(records.losses[0])
    early = records.losses[: max(int(2 * EARLY * records.steps), 10)]
    if early.max() > SPIKE * first and records.end > (1 - FLAT) * first:
        text = f"the loss jumps from {first:.3g} to {early.max():.3g} early in the run, and ends at {records.end:.3g}"
        evidence = {"first loss": first, "largest loss": float(early.max()), "last loss": records.end}
        healthy = f"a loss that stays below {SPIKE:g} times its first value, and falls below it"
        yield _rate(recipe, "high", 0.45, text, evidence, healthy, "history: jump of the loss")
        if _raw(recipe):
            yield _unscaled(0.5, text, evidence, "history: jump of the loss")


def _large_start(recipe, records, verdict, classes):
    """A first loss far above that of uniform predictions."""
    if not classes or classes < 2 or not isinstance(recipe.loss, SoftmaxCrossEntropy):
        return
    first, uniform = float(records.losses[0]), math.log(classes)
    if first <= LARGE_START * uniform:
        return
    text = f"the first loss is {first:.3g}, that of uniform predictions {uniform:.3g}"
    evidence = {"first loss": first, "uniform predictions": uniform}
    if _raw(recipe):
        yield _unscaled(0.5, text, evidence, "history: first loss")
    elif recipe.transfer is None:
        yield Finding(
            "initialization_scale",
            0.4,
            False,
            text,
            where="initialization",
            evidence=evidence,
            healthy=f"at most {LARGE_START:g} times that of uniform predictions",
            decided_by="history: first loss",
        )


def _small_steps(recipe, records, verdict, classes):
    """A flat loss, where all steps together could not have changed it."""
    if records.start - records.end > FLAT * records.start or records.rates.max() <= 0:
        return
    gradient = float(np.nanmedian(records.gradients)) if np.isfinite(records.gradients).any() else math.nan
    flat = f"the loss stays at {records.end:.4g}, from {records.start:.4g} at the start"
    evidence = {"first loss": records.start, "last loss": records.end, "gradient norm": gradient}
    if gradient < LEAST_GRADIENT:
        yield Finding(
            "initialization_scale",
            0.3,
            False,
            f"{flat}: the gradient has vanished, its norm is {gradient:.2g}",
            evidence=evidence,
            healthy=f"a norm above {LEAST_GRADIENT:g} while the loss has not fallen",
            decided_by="history: gradient norms",
        )
        return
    change = possible_change(recipe, records)
    if change:
        evidence["sum of the learning rates"] = float(records.rates.sum())
        healthy = f"steps that can lower the loss by {SMALL_FALL:.0%} at least"
        text, by = f"{flat}: {change.text}", "history: size of the steps"
        yield _rate(recipe, "low", 0.5, text, evidence, healthy, by, change.factor)


def _still_falling(recipe, records, verdict, classes):
    """A loss that falls steadily until the end."""
    last = records.losses[-max(records.steps // 4, 20) :]
    fall, errors = fall_of(last)
    if fall < STILL_FALLING * last.mean() or errors < STANDARD_ERRORS:
        return
    if records.end > records.start:  # it falls from a jump
        return
    text = (
        f"the loss still falls at the end: by {fall:.2g} ({fall / last.mean():.0%}) in the last {len(last)} of"
        f" {records.steps} steps, which is {errors:.1f} standard errors"
    )
    evidence = {"fall": fall, "standard errors": errors, "steps": len(last), "last loss": records.end}
    whole = records.start - records.end
    slow = whole < 0.25 * records.start and fall > 0.5 * whole * len(last) / records.steps
    if slow:  # as much at the end as on average: the loss has hardly begun to fall
        evenly = f"{text}; it has fallen by {whole / records.start:.0%} in the whole run, evenly"
        healthy = "a fall that is steepest early in the run"
        yield _rate(recipe, "low", 0.4, evenly, evidence, healthy, "history: slope of the loss")
    yield Finding(
        "stopped_early",
        0.35 if slow else 0.5,
        False,
        text,
        where="early_stopping" if _ended_early(recipe, records, verdict) else "budget",
        evidence=evidence,
        healthy=f"a fall below {STILL_FALLING:.0%} in the last quarter, or within {STANDARD_ERRORS:g} standard errors",
        remedy=_longer(recipe, records, verdict),
        decided_by="history: slope of the loss",
    )


def _memorized(recipe, records, verdict, classes):
    """Training examples that are fitted far better than those of evaluation."""
    final = records.evaluations[-1]
    train = float(records.accuracies[-max(records.steps // 10, 10) :].mean())
    if train < MEMORIZED or train - final["top1"] < GAP:
        return
    evidence = {"training accuracy": train, "evaluation accuracy": final["top1"], "commonest class": final["majority"]}
    text = f"the accuracy is {train:.3f} in training, and {final['top1']:.3f} in evaluation"
    healthy = f"a difference below {GAP:g}"
    by_chance = 3 * math.sqrt(final["majority"] * (1 - final["majority"]) / final["examples"])
    if final["top1"] <= final["majority"] + by_chance:
        text += f", where the commonest class alone gives {final['majority']:.3f}"
        for cause, confidence in (("labels_independent", 0.4), ("evaluation_preprocessing", 0.3)):
            yield Finding(cause, confidence, False, text, None, evidence, healthy, decided_by="history: accuracies")
        return
    causes = {"regularization_weak": 0.4, "too_little_data": 0.35}
    if not isinstance(recipe.normalization, Unscaled) and not any(each.random for each in recipe.augmentation.train):
        causes = {"augmentation_missing": 0.4, **causes}
    for cause, confidence in causes.items():
        yield Finding(cause, confidence, False, text, None, evidence, healthy, decided_by="history: accuracies")


def _majority(recipe, records, verdict, classes):
    """Predictions of the commonest class only, where it is far commoner than the others."""
    final = records.evaluations[-1]
    balanced, majority = final.get("balanced_accuracy"), final["majority"]
    if not classes or balanced is None or recipe.imbalance is not None or majority < 1.5 / classes:
        return
    if abs(balanced - 1 / classes) < 0.02 and abs(final["top1"] - majority) < 0.02:
        yield Finding(
            "class_imbalance",
            0.45,
            False,
            f"hardly anything but the commonest class is predicted, which is {majority:.0%} of the evaluation examples:"
            f" accuracy {final['top1']:.3f}, mean recall {balanced:.3f}",
            where="the classes",
            evidence={"accuracy": final["top1"], "mean recall": balanced, "commonest class": majority},
            healthy=f"a mean recall above {1 / classes:.3f}, that of constant predictions",
            decided_by="history: predictions",
        )


def _raw(recipe):
    return isinstance(recipe.normalization, RawRange | Unscaled)


def _unscaled(confidence, text, evidence, by):
    return Finding(
        "inputs_unscaled",
        confidence,
        False,
        f"{text}; the recipe does not scale its inputs",
        where="normalization",
        evidence=evidence,
        healthy="inputs of mean 0 and standard deviation 1",
        decided_by=by,
    )


def _rate(recipe, kind, confidence, text, evidence, healthy, by, factor=10):
    """Returns the finding that the learning rate is too "high" or "low", by about a factor."""
    verb, peak = (
        ("lower", recipe.schedule.peak / factor) if kind == "high" else ("raise", recipe.schedule.peak * factor)
    )
    remedy = f"{verb} the learning rate: --set=schedule.peak={peak:.3g}"
    return Finding(
        f"learning_rate_{kind}", confidence, False, text, "schedule.peak", evidence, healthy, remedy, decided_by=by
    )


def _total(recipe, verdict):
    """Returns the number of steps that the run would have made, as far as it is known."""
    return recipe.budget.steps or verdict.within_steps


def _ended_early(recipe, records, verdict):
    return recipe.early_stopping is not None and records.steps < _total(recipe, verdict)


def _longer(recipe, records, verdict):
    if _ended_early(recipe, records, verdict):
        return f"train for more steps: --set=early_stopping.patience={2 * recipe.early_stopping.patience}"
    if recipe.budget.steps is None:
        return f"train for more steps: --set=budget.epochs={2 * recipe.budget.epochs:g}"
    return f"train for more steps: --set=budget.steps={2 * recipe.budget.steps}"
