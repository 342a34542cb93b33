"""Confirmation of suspicions: training again with one thing replaced, and what it means if that helps."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo.doctor.causes import CAUSES
from zoo.doctor.changes import named
from zoo.doctor.diagnosis import Finding
from zoo.doctor.evidence import Suspicion, Values
from zoo.doctor.experiments import ALL, RECOVERED, Experiments, smallest, value
from zoo.doctor.likelihood import confidence
from zoo.doctor.trial import Course

# Faults of the result: training succeeds, and what it measures or makes is worse than it seems. They are findings
# whether or not training works.
OF_RESULT = {
    *("leakage", "bad_split", "label_noise", "class_imbalance", "low_quality", "too_little_data", "channel_order"),
    *("evaluation_parameters", "evaluation_preprocessing", "augmentation_on_evaluation", "batch_crosstalk"),
    *("batch_norm_misuse", "augmentation_key_reused", "regularization_weak", "stopped_early", "wrong_architecture"),
    *("augmentation_missing", "capacity_too_large", "frozen_parameters", "unshuffled", "schedule"),
}
REPORTED = 0.5  # confidence from which a suspicion that no experiment tested is a finding
MARGIN = 0.1  # of confidences that are about the same
SURE = 0.8  # confidence in what no experiment can replace, from which others of last resort are not made
POSSIBLE = 0.2  # confidence from which it is mentioned if training does not work
FALLING = 0.9  # ratio of the mean losses of the last third and the one before, of a run that is not at its end
NOTICEABLE = 0.06  # difference of accuracies on 1,000 examples that is not chance: 2.7 standard errors at least
# The cause that a change stands for, where no rule suspected it: experiments of last resort, the likeliest first.
OF_CHANGES: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({"rate": 0.1}, "learning_rate_high"),
    ({"rate": 10.0}, "learning_rate_low"),
    ({"steps": 3}, "stopped_early"),
    ({"regularization": False}, "regularization_strong"),
    ({"schedule": "constant"}, "schedule"),
    ({"augmentation": False}, "augmentation_too_strong"),
    ({"loss": "cross_entropy"}, "loss_kind"),
    ({"initialization": "he"}, "initialization_scale"),
    ({"optimizer": "adam"}, "optimizer_settings"),
    ({"batch_size": 64}, "batch_size"),
)
# Changes that include others: a remedy of a part is the more precise answer.
INCLUDES = {"optimizer": {"rate", "schedule"}}
# Changes that make short runs of healthy programs better as well, since they leave out what pays off later.
SHORTENING = {"augmentation", "regularization"}


def confirmed(
    experiments: Experiments, suspicions: list[Suspicion], evidence: Mapping[str, Values], *, works: bool
) -> list[Finding]:
    """Tests changes one at a time, and returns the likeliest cause whose change recovers training.

    If each of several changes recovers it alone, there is one fault, of which they are alternative remedies.

    Args:
      experiments: of the diagnosis.
      suspicions: by falling confidence.
      evidence: all measurements.
      works: whether training works. If it does not, less likely changes are tested as well, and if none of them helps,
        those that nothing points to.
    """
    # What no experiment can replace, such as a layer, rules out what is less likely than it.
    fixed = [confidence(each) for each in suspicions if not each.change and each.cause not in OF_RESULT]
    structure = max(fixed, default=0.0)
    least = max(REPORTED if works else POSSIBLE, structure - MARGIN if structure >= SURE else 0.0)
    likely = [each for each in suspicions if each.change and confidence(each) >= least]
    run = evidence.get("evaluation", {})
    falling = (run.get("end_losses") or 0.0) < FALLING * (run.get("middle_losses") or 0.0)
    others = [
        Suspicion(cause, "experiment", -1.0, "", change=change)
        for change, cause in OF_CHANGES
        if not any(each.change.keys() == change.keys() for each in likely) and ("steps" not in change or falling)
    ]
    last_resort = not works and structure < SURE
    found: list[tuple[float, Suspicion]] = []
    for each in (*likely, *others):
        changed = {name for _, other in found for name in other.change}
        if changed & {*each.change} or any(INCLUDES.get(name, set()) & changed for name in each.change):
            continue  # this, or a part of it, is a remedy already
        if each.rule == "experiment" and not last_resort:
            break
        if found and (each.rule == "experiment" or confidence(each) < confidence(found[0][1]) - MARGIN):
            break
        course = experiments.run(each.change)
        if course is None:
            continue
        recovered = experiments.recovery(course)
        if each.change.keys() == {"rate"} and 0 < recovered < RECOVERED:
            each, course = _further(experiments, each, course)
            recovered = experiments.recovery(course)
        least_gain = 2 * NOTICEABLE if works and SHORTENING & each.change.keys() else NOTICEABLE
        if recovered >= RECOVERED and value(course) - value(experiments.own) > least_gain:
            found.append((recovered, each))
    if found:
        return [_after_experiment(experiments, *found[0], [named(each.change) for _, each in found[1:]])]
    return _together(experiments, suspicions) if last_resort else []


def _further(experiments: Experiments, suspicion: Suspicion, course: Course) -> tuple[Suspicion, Course]:
    """Returns the best of up to two rates beyond one that recovers a part, in steps of a factor of 10."""
    factor = suspicion.change["rate"]
    for _ in range(2):
        factor *= 10 if factor > 1 else 0.1
        other = experiments.run({"rate": factor})
        if other is None or value(other) <= value(course):
            break
        course, remedy = other, f"multiply the learning rate by about {factor:g}"
        suspicion = dataclasses.replace(suspicion, change={"rate": factor}, remedy=remedy)
    return suspicion, course


def _together(experiments: Experiments, suspicions: list[Suspicion]) -> list[Finding]:
    """Returns the causes whose changes recover training only together."""
    everything = experiments.supported(ALL)
    course = experiments.courses.get(named(everything))
    if course is None or experiments.recovery(course) < RECOVERED:
        return []
    if value(course) - value(experiments.own) <= NOTICEABLE:
        return []
    needed = list(smallest(experiments, everything))
    if not experiments.possible and len(needed) == len(everything):
        return []  # there was no time to find out which of them are needed
    by_change = {name: cause for change, cause in OF_CHANGES for name in change}
    findings = []
    for name in needed:
        suspected = next((each for each in suspicions if _about(each, name)), None)
        cause = suspected.cause if suspected else {"standardize": "inputs_unscaled"}.get(name, by_change.get(name))
        if cause is None:
            continue
        base = suspected or Suspicion(cause, "experiment", 0.0, CAUSES[cause].what, change={name: everything[name]})
        one = to_finding(base, True)
        joint = f"recovers training together with {', '.join(other for other in needed if other != name)}"
        summary = f"{one.summary or CAUSES[cause].what} ({joint})" if len(needed) > 1 else one.summary
        findings.append(dataclasses.replace(one, confidence=0.8, summary=summary, decided_by=named(dict(base.change))))
    return findings


def _about(suspicion: Suspicion, name: str) -> bool:
    """Returns whether a suspicion is about a change, or about a part of it and not improbable."""
    part = bool(INCLUDES.get(name, set()) & suspicion.change.keys())
    return name in suspicion.change or (part and confidence(suspicion) >= POSSIBLE)


def _after_experiment(experiments, recovered, suspicion, alternatives):
    name, own = named(suspicion.change), experiments.own
    course = experiments.courses[name]
    reached = f"accuracy rises from {value(own):.3f} to {value(course):.3f} with {name}"
    if alternatives:
        reached += f", and about as well with {' or '.join(alternatives)}"
    one = to_finding(suspicion, True)
    summary = f"{one.summary}; {reached}" if one.summary else f"{CAUSES[suspicion.cause].what} {reached}".strip()
    sure = 0.5 + 0.5 * confidence(suspicion) if suspicion.rule != "experiment" else 0.6
    numbers = {**one.evidence, "accuracy": value(own), f"accuracy with {name}": value(course), "recovered": recovered}
    return dataclasses.replace(
        one, summary=summary, confidence=sure, evidence=numbers, decided_by=f"experiment: {name}"
    )


def to_finding(suspicion: Suspicion, confirmed: bool) -> Finding:
    """Returns the finding that a suspicion becomes."""
    return Finding(
        suspicion.cause,
        confidence(suspicion),
        confirmed,
        suspicion.summary,
        suspicion.where,
        suspicion.evidence,
        suspicion.healthy,
        suspicion.remedy or CAUSES[suspicion.cause].remedy,
        decided_by=suspicion.rule,
    )
