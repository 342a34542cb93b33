"""From evidence to causes: exact tests decide by themselves; other suspicions are put to the test by experiments."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo.doctor.causes import CAUSES
from zoo.doctor.diagnosis import Finding, Test, Verdict
from zoo.doctor.evidence import Suspicion, Values
from zoo.doctor.experiments import ALL, RECOVERED, Experiments, named, smallest, value
from zoo.doctor.likelihood import confidence
from zoo.doctor.session import Session

# Faults of the result: training succeeds, and what it measures or makes is worse than it seems. They are findings
# whether or not training works.
OF_RESULT = {
    *("leakage", "bad_split", "label_noise", "class_imbalance", "low_quality", "too_little_data"),
    *("evaluation_parameters", "evaluation_preprocessing", "augmentation_on_evaluation", "batch_crosstalk"),
    *("batch_norm_misuse", "augmentation_key_reused", "regularization_weak", "stopped_early", "wrong_architecture"),
    *("augmentation_missing", "frozen_parameters", "unshuffled", "schedule"),
}
# Of these, faults with which accuracies say nothing about training, and so nothing about experiments.
OF_EVALUATION = {
    *("evaluation_parameters", "evaluation_preprocessing", "augmentation_on_evaluation", "batch_crosstalk"),
    *("batch_norm_misuse", "label_encoding"),
}
# Faults that are seen in the inputs, whether or not they do harm.
OF_INPUTS = {"inputs_unscaled", "inputs_scaled_twice", "wrong_statistics"}
NOT_LEARNABLE = "labels_independent"
REPORTED = 0.5  # confidence from which a suspicion that no experiment tested is a finding
MARGIN = 0.1  # of confidences that are about the same
SURE = 0.8  # confidence in what no experiment can replace, from which others of last resort are not made
PRESENT = 0.9  # confidence from which a fault is mentioned as harmless
POSSIBLE = 0.2  # confidence from which it is mentioned if training does not work
MISSED = 0.15  # part of the best accuracy above chance that a healthy run may miss at the end of its whole run
MISSED_EARLY = 0.5  # the same, of a run that was cut short
LEARNED = 0.2  # part of the accuracy above chance, from which a network has learned what a probe may not see
FALLING = 0.9  # ratio of the mean losses of the last third and the one before, of a run that is not at its end
BELOW_PROBE = 0.5  # part of a probe's accuracy above chance that any network reaches by the end of its run
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


def decide(
    session: Session,
    evidence: Mapping[str, Values],
    suspicions: Iterable[Suspicion],
    on_test: Callable[[Test], None],
) -> tuple[Verdict, tuple[Finding, ...], Experiments]:
    """Returns the verdict, the findings in their order, and the experiments that were made."""
    ranked = sorted(_strongest(suspicions), key=confidence, reverse=True)
    fatal = [each for each in ranked if each.exact and each.fatal]
    experiments = Experiments(session, on_test)
    fields = {path: wanted for each in ranked for path, wanted in each.change.get("fields", {}).items()}
    works = _works(experiments, fields, evidence.get("pairing", {}).get("transfer"))
    hopeless = [each for each in ranked if each.cause == NOT_LEARNABLE and each.fatal and confidence(each) >= REPORTED]
    chance = experiments.own.majority
    if hopeless and experiments.best < chance + LEARNED * (1 - chance):
        return "not_learnable", tuple(_finding(each, True) for each in (*hopeless, *fatal)), experiments
    findings = [_finding(each, True) for each in fatal]
    tested: list[Suspicion] = [each for each in ranked if each not in fatal]
    doubtful = works and experiments.best - value(experiments.own) > NOTICEABLE
    if (not works or doubtful) and not _explained(experiments, ranked, fatal):
        findings += _confirmed(experiments, tested, evidence, last_resort=not works)
    known = {finding.cause for finding in findings}
    for each in tested:
        if each.cause in known:
            continue
        sure = confidence(each)
        present = each.cause in OF_INPUTS and sure >= PRESENT
        one_found = any(map(_certain, findings))  # and two faults are rarer than one
        if each.cause in OF_RESULT and sure >= (SURE if one_found else REPORTED):
            findings.append(_finding(each, each.exact))
        elif works and (each.exact or present):
            findings.append(dataclasses.replace(_finding(each, False), harmless=True))
        elif not works and (present or (sure >= POSSIBLE and not one_found)):
            findings.append(_finding(each, False))
    findings = _unexplained(findings)
    if not works and not findings:
        findings += _too_small(experiments, evidence)
    return _verdict(works, findings), tuple(_ordered(findings)), experiments


def _certain(finding: Finding) -> bool:
    return not finding.harmless and (finding.confirmed or finding.confidence >= SURE)


def _unexplained(findings: list[Finding]) -> list[Finding]:
    """Returns findings without those that no test confirmed, and that another explains."""
    explained = {cause for finding in findings if _certain(finding) for cause in CAUSES[finding.cause].explains}
    return [finding for finding in findings if finding.confirmed or finding.cause not in explained]


def _explained(experiments: Experiments, ranked: Iterable[Suspicion], fatal: Iterable[Suspicion]) -> bool:
    """Returns whether what is known already explains a failure, so that experiments would only add doubtful causes."""
    if any(each.cause in OF_EVALUATION and confidence(each) >= REPORTED for each in ranked):
        return True
    for each in fatal:
        course = experiments.run(each.change) if each.change else None
        if not each.change or (course is not None and experiments.recovery(course) >= RECOVERED):
            return True
    return False


def _too_small(experiments: Experiments, evidence: Mapping[str, Values]) -> list[Finding]:
    """Returns that the network is too small, if no change helps and even a simple probe predicts more than it does."""
    probe = evidence.get("pairing", {}).get("transfer")
    if probe is None or len(experiments.courses) < 2 or probe < experiments.best + NOTICEABLE:
        return []
    if not experiments.possible:
        return []  # not all changes were tried
    text = (
        f"no change brings the network above an accuracy of {experiments.best:.3f}, and a probe with a few hundred"
        f" features reaches {probe:.3f} on the same data"
    )
    numbers = {"best accuracy": experiments.best, "accuracy of a probe": probe}
    cause = "capacity_too_small"
    return [
        Finding(cause, 0.6, False, text, "the layers", numbers, "at least a probe's accuracy", CAUSES[cause].remedy)
    ]


def _strongest(suspicions):
    """Returns the suspicion with the largest confidence of each cause."""
    best: dict[str, Suspicion] = {}
    for each in suspicions:
        if each.cause not in best or confidence(each) > confidence(best[each.cause]):
            best[each.cause] = each
    return best.values()


def _works(experiments: Experiments, fields: Mapping[str, Any], probe: float | None) -> bool:
    """Returns whether the program's own run reaches about what the same network reaches with everything replaced.

    Args:
      experiments: of the diagnosis.
      fields: of the reference, where they differ; empty without one.
      probe: accuracy of a simple probe on the evaluation examples; None if it is not known.
    """
    own = experiments.own
    if fields and experiments.possible:
        experiments.run({"fields": fields})
    if experiments.possible:
        everything = experiments.supported(ALL)
        if everything:
            experiments.run(everything)
            if value(own) + NOTICEABLE > experiments.best:  # its initial weights may be what is wrong
                again = experiments.supported({**everything, "initialization": "he"})
                if len(again) > len(everything) and value(own) < own.majority + 2 * NOTICEABLE:
                    experiments.run(again)
    if not own.finite:
        return False
    compared = len(experiments.courses) > 1
    if experiments.best < own.majority + (NOTICEABLE if compared else 2 * NOTICEABLE):
        return False  # nothing is learned by any run
    total = getattr(experiments.session.program, "total_steps", None)
    whole = total is not None and own.steps >= total
    if whole and probe is not None and experiments.best - own.majority < BELOW_PROBE * (probe - own.majority):
        return False
    distance = experiments.best - value(own)
    above = max(experiments.best - own.majority, 1e-9)
    return not (distance > NOTICEABLE and distance / above > (MISSED if whole else MISSED_EARLY))


def _confirmed(
    experiments: Experiments, suspicions: list[Suspicion], evidence: Mapping[str, Values], *, last_resort: bool
) -> list[Finding]:
    """Tests changes one at a time, and returns the likeliest cause whose change recovers training.

    If each of several changes recovers it alone, there is one fault, of which they are alternative remedies.

    Args:
      experiments: of the diagnosis.
      suspicions: by falling confidence.
      evidence: all measurements.
      last_resort: whether to test less likely changes, and those that nothing points to, if no other helps.
    """
    # What no experiment can replace, such as a layer, rules out what is less likely than it.
    fixed = [confidence(each) for each in suspicions if not each.change and each.cause not in OF_RESULT]
    structure = max(fixed, default=0.0)
    least = max(POSSIBLE if last_resort else REPORTED, structure - MARGIN if structure >= SURE else 0.0)
    likely = [each for each in suspicions if each.change and confidence(each) >= least]
    run = evidence.get("evaluation", {})
    falling = (run.get("end_losses") or 0.0) < FALLING * (run.get("middle_losses") or 0.0)
    others = [
        Suspicion(cause, "experiment", -1.0, "", change=change)
        for change, cause in OF_CHANGES
        if not any(each.change.keys() == change.keys() for each in likely) and ("steps" not in change or falling)
    ]
    last_resort = last_resort and structure < SURE
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
        if recovered >= RECOVERED and value(course) - value(experiments.own) > NOTICEABLE:
            found.append((recovered, each))
    if found:
        return [_after_experiment(experiments, *found[0], [named(each.change) for _, each in found[1:]])]
    return _together(experiments, suspicions) if last_resort else []


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
        suspected = next((each for each in suspicions if name in each.change), None)
        cause = suspected.cause if suspected else {"standardize": "inputs_unscaled"}.get(name, by_change.get(name))
        if cause is None:
            continue
        base = suspected or Suspicion(cause, "experiment", 0.0, CAUSES[cause].what, change={name: everything[name]})
        one = _finding(base, True)
        joint = f"recovers training together with {', '.join(other for other in needed if other != name)}"
        summary = f"{one.summary or CAUSES[cause].what} ({joint})" if len(needed) > 1 else one.summary
        findings.append(dataclasses.replace(one, confidence=0.8, summary=summary, decided_by=named(dict(base.change))))
    return findings


def _after_experiment(experiments, recovered, suspicion, alternatives):
    name, own = named(suspicion.change), experiments.own
    course = experiments.courses[name]
    reached = f"accuracy rises from {value(own):.3f} to {value(course):.3f} with {name}"
    if alternatives:
        reached += f", and about as well with {' or '.join(alternatives)}"
    one = _finding(suspicion, True)
    summary = f"{one.summary}; {reached}" if one.summary else f"{CAUSES[suspicion.cause].what} {reached}".strip()
    sure = 0.5 + 0.5 * confidence(suspicion) if suspicion.rule != "experiment" else 0.6
    numbers = {**one.evidence, "accuracy": value(own), f"accuracy with {name}": value(course), "recovered": recovered}
    return dataclasses.replace(
        one, summary=summary, confidence=sure, evidence=numbers, decided_by=f"experiment: {name}"
    )


def _finding(suspicion: Suspicion, confirmed: bool) -> Finding:
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


def _ordered(findings):
    return sorted(findings, key=lambda each: (each.harmless, not each.confirmed, -each.confidence))


def _verdict(works: bool, findings: Iterable[Finding]) -> Verdict:
    faults = [each for each in findings if not each.harmless]
    if any(each.confirmed or each.confidence >= REPORTED for each in faults):
        return "fault"
    return "none" if works else "undecided"
