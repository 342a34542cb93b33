"""The page docs/faults.md: which faults are found, by what and when."""

from collections.abc import Iterable, Iterator, Mapping

from verification.faults import FAULTS
from verification.faults.fault import Fault, label
from verification.faults.trial import HEALTHY, MATRIX, Outcome, Trial, read_outcomes


def short(base: str) -> str:
    """Returns the name of a recipe in tables."""
    return base.rpartition(".")[2]


def at_matter(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Returns the outcomes at the strength that matters."""
    return [each for each in outcomes if each.fault in FAULTS and each.strength == label(FAULTS[each.fault].matters)]


def table_of_counts() -> str:
    """Returns the counts of faults and trials, and of those that were caught, as Markdown."""
    return counts(read_outcomes(MATRIX))


def table_of_trials() -> str:
    """Returns the Markdown table of trials: a row for each fault, strength and recipe."""
    return matrix(read_outcomes(MATRIX))


def table_of_missed() -> str:
    """Returns the Markdown list of faults that no check found."""
    return missed(read_outcomes(MATRIX))


def counts(outcomes: Mapping[Trial, Outcome]) -> str:
    """Returns the counts for some outcomes, see `table_of_counts`."""
    lines = ["| | trials | caught before training | caught in training | not caught |", "|---|---|---|---|---|"]
    known = [each for each in outcomes.values() if each.fault in FAULTS]
    for title, some in (("at the strength that matters", at_matter(known)), ("all strengths", known)):
        before, during = (sum(each.when == when for each in some) for when in ("before", "in"))
        share = f" ({(before + during) / len(some):.1%} caught)" if some else ""
        lines.append(f"| {title} | {len(some)}{share} | {before} | {during} | {len(some) - before - during} |")
    names = {each.fault for each in known}
    controls = [each for each in outcomes.values() if each.fault == HEALTHY]
    alarms = sum(each.caught_by is not None for each in controls)
    more = (
        f"{len(names)} of {len(FAULTS)} faults were tried, on {len({each.base for each in known})} recipes. Without a"
        f" fault, {alarms} of {len(controls)} recipes failed."
    )
    return "\n".join([more, "", *lines])


def matrix(outcomes: Mapping[Trial, Outcome]) -> str:
    """Returns the table for some outcomes, see `table_of_trials`."""
    lines = [
        "| subject | fault | strength | recipe | caught by | when | seconds | smallest strength caught |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [line for fault in FAULTS.values() for line in _rows(fault, outcomes)]
    return "\n".join(lines)


def _rows(fault: Fault, outcomes: Mapping[Trial, Outcome]) -> Iterator[str]:
    own = [each for each in outcomes.values() if each.fault == fault.name]
    order = {label(strength): place for place, strength in enumerate(fault.variants())}
    bases = list(dict.fromkeys(each.base for each in own))
    for base in bases:
        of_base = sorted((each for each in own if each.base == base), key=lambda each: order.get(each.strength, 99))
        least = smallest(fault, of_base)
        for place, each in enumerate(of_base):
            strength = each.strength
            if strength and strength == label(fault.matters):
                strength = f"**{strength}**"
            yield (
                f"| {fault.subject} | `{fault.name}` | {strength} | {short(base)} | {each.caught_by or 'nothing'} |"
                f" {_when(each)} | {each.seconds:g} | {'' if place else least} |"
            )


def smallest(fault: Fault, outcomes: Iterable[Outcome]) -> str:
    """Returns the strength nearest to no mistake at all that was caught; "" if the strengths have no order.

    It is the last one of a fault, whose first is the strongest, or the one nearest to 1 of factors on both sides of it.
    """
    caught = {each.strength for each in outcomes if each.caught_by}
    found = [strength for strength in fault.strengths if isinstance(strength, float) and label(strength) in caught]
    if len(found) < 2:
        return ""
    both_sides = min(found) < 1 < max(found)
    return label(min(found, key=lambda strength: abs(strength - 1.0)) if both_sides else found[-1])


def _when(outcome):
    return {"before": "before training", "in": "in training", None: "NOT CAUGHT"}[outcome.when]


def missed(outcomes: Mapping[Trial, Outcome]) -> str:
    """Returns the list for some outcomes, see `table_of_missed`."""
    lines = []
    for fault in FAULTS.values():
        own = [each for each in outcomes.values() if each.fault == fault.name and not each.caught_by]
        if not own:
            continue
        where = ", ".join(f"{short(each.base)}{f' ({each.strength})' if each.strength else ''}" for each in own)
        trained = "" if all(each.trained for each in own) else " Only checks without training were run."
        lines.append(f"- `{fault.name}`: {fault.mistake} {where}.{trained}")
    return "\n".join(lines) or ("None." if outcomes else "No fault has been tried.")


def table_of_faults() -> str:
    """Returns the Markdown table of all faults: name, mistake and strengths."""
    lines = ["| subject | fault | mistake | strengths |", "|---|---|---|---|"]
    for fault in FAULTS.values():
        strengths = ", ".join(
            f"**{label(each)}**" if each == fault.matters else label(each) for each in fault.strengths
        )
        lines.append(f"| {fault.subject} | `{fault.name}` | {fault.mistake} | {strengths} |")
    return "\n".join(lines)
