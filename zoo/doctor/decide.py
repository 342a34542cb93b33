"""From evidence to causes: exact tests decide by themselves; other suspicions are put to the test by experiments."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo.doctor.causes import CAUSES
from zoo.doctor.confirm import NOTICEABLE, OF_RESULT, POSSIBLE, REPORTED, SURE, confirmed, to_finding
from zoo.doctor.diagnosis import Finding, Test, Verdict
from zoo.doctor.evidence import Suspicion, Values
from zoo.doctor.experiments import ALL, RECOVERED, Experiments, value
from zoo.doctor.likelihood import confidence
from zoo.doctor.session import Session

# Of the faults of the result, those with which accuracies say nothing about training, and so nothing about experiments.
OF_EVALUATION = {
    *("evaluation_parameters", "evaluation_preprocessing", "augmentation_on_evaluation", "batch_crosstalk"),
    *("batch_norm_misuse", "channel_order", "label_encoding"),
}
# Faults that are seen in the inputs, whether or not they do harm.
OF_INPUTS = {"inputs_unscaled", "inputs_scaled_twice", "wrong_statistics"}
NOT_LEARNABLE = "labels_independent"
PRESENT = 0.9  # confidence from which a fault is mentioned as harmless
MISSED = 0.15  # part of the best accuracy above chance that a healthy run may miss at the end of its whole run
MISSED_EARLY = 0.5  # the same, of a run that was cut short
LEARNED = 0.2  # part of the accuracy above chance, from which a network has learned what a probe may not see
BELOW_PROBE = 0.5  # part of a probe's accuracy above chance that any network reaches by the end of its run


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
    weights = any("initialization" in each.change and confidence(each) >= POSSIBLE for each in ranked)
    works = _works(experiments, fields, evidence.get("pairing", {}).get("transfer"), weights)
    hopeless = [each for each in ranked if each.cause == NOT_LEARNABLE and each.fatal and confidence(each) >= REPORTED]
    chance = experiments.own.majority
    if hopeless and experiments.best < chance + LEARNED * (1 - chance):
        return "not_learnable", tuple(to_finding(each, True) for each in (*hopeless, *fatal)), experiments
    findings = [to_finding(each, True) for each in fatal]
    tested: list[Suspicion] = [each for each in ranked if each not in fatal]
    doubtful = works and experiments.best - value(experiments.own) > NOTICEABLE
    if (not works or doubtful) and not _explained(experiments, ranked, fatal):
        findings += confirmed(experiments, tested, evidence, works=works)
    known = {finding.cause for finding in findings}
    for each in tested:
        if each.cause in known:
            continue
        sure = confidence(each)
        present = each.cause in OF_INPUTS and sure >= PRESENT
        one_found = any(map(_certain, findings))  # and two faults are rarer than one
        if each.cause in OF_RESULT and sure >= (SURE if one_found else REPORTED):
            findings.append(to_finding(each, each.exact))
        elif works and (each.exact or present):
            findings.append(dataclasses.replace(to_finding(each, False), harmless=True))
        elif not works and (present or (sure >= POSSIBLE and not one_found)):
            findings.append(to_finding(each, False))
    findings = _unexplained(findings)
    if not works:
        findings = _of_the_network(experiments, evidence, ranked, findings) or findings
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


def _of_the_network(
    experiments: Experiments, evidence: Mapping[str, Values], ranked: Iterable[Suspicion], findings: Iterable[Finding]
) -> list[Finding]:
    """Returns what is wrong with the network itself, if no change of anything else helps, and a probe does better.

    That is what the measurements of its layers point to, with whatever confidence is worth mentioning; else that it is
    too small. A change that brings whole runs part of the way, and leaves them far below the probe, is no remedy.
    """
    own, probe = experiments.own, evidence.get("pairing", {}).get("transfer")
    if probe is None or len(experiments.courses) < 2 or probe < experiments.best + NOTICEABLE:
        return []
    if not experiments.possible or not _whole(experiments):
        return []  # not all changes were tried, or none to its end
    far = experiments.best - own.majority < BELOW_PROBE * (probe - own.majority)
    if any(not each.decided_by.startswith("experiment") or not far for each in findings):
        return []
    for each in ranked:
        if not each.change and each.cause not in OF_RESULT and confidence(each) >= POSSIBLE:
            return [to_finding(each, False)]
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


def _works(experiments: Experiments, fields: Mapping[str, Any], probe: float | None, weights: bool) -> bool:
    """Returns whether the program's own run reaches about what the same network reaches with everything replaced.

    Args:
      experiments: of the diagnosis.
      fields: of the reference, where they differ; empty without one.
      probe: accuracy of a simple probe on the evaluation examples; None if it is not known.
      weights: whether a measurement points to the initial weights.
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
                if len(again) > len(everything) and (weights or value(own) < own.majority + 2 * NOTICEABLE):
                    experiments.run(again)
    if not own.finite:
        return False
    compared = len(experiments.courses) > 1
    if experiments.best < own.majority + (NOTICEABLE if compared else 2 * NOTICEABLE):
        return False  # nothing is learned by any run
    whole = _whole(experiments)
    if whole and probe is not None and experiments.best - own.majority < BELOW_PROBE * (probe - own.majority):
        return False
    distance = experiments.best - value(own)
    above = max(experiments.best - own.majority, 1e-9)
    return not (distance > NOTICEABLE and distance / above > (MISSED if whole else MISSED_EARLY))


def _whole(experiments: Experiments) -> bool:
    """Returns whether the program's own run made all of its steps."""
    total = getattr(experiments.session.program, "total_steps", None)
    return total is not None and experiments.own.steps >= total


def _ordered(findings):
    return sorted(findings, key=lambda each: (each.harmless, not each.confirmed, -each.confidence))


def _verdict(works: bool, findings: Iterable[Finding]) -> Verdict:
    faults = [each for each in findings if not each.harmless]
    if any(each.confirmed or each.confidence >= REPORTED for each in faults):
        return "fault"
    return "none" if works else "undecided"
