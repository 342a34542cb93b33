"""The figures of the doctor, in docs/doctor.md."""

import statistics
from collections import Counter
from typing import Any

from verification.doctor import trials


def line(result: dict[str, Any]) -> str:
    """Returns one line about a result."""
    if "error" in result:
        return f"ERROR {result['case']}: {result['error']}"
    found = ", ".join(
        f"{each['cause']}{'*' if each['confirmed'] else ''}{' (harmless)' if each['harmless'] else ''}"
        for each in result["findings"][:4]
    )
    mark = "right" if right(result) else "WRONG"
    return f"{mark} {result['case']}: {result['verdict']}: {found or '-'} [{result['seconds']:.0f} s]"


def first(result: dict[str, Any]) -> str | None:
    """Returns the first cause that is named as a fault, or as harmless if there is no other; None if none is."""
    named = [each["cause"] for each in result["findings"]]
    return named[0] if named else None


def right(result: dict[str, Any], places: int = 1) -> bool:
    """Returns whether the cause is among the first ones named; for a healthy case, whether no fault was found."""
    if not result["causes"]:
        return result["verdict"] == "none"
    return bool({each["cause"] for each in result["findings"][:places]} & set(result["causes"]))


def figures() -> str:
    """Returns the figures as Markdown, from the recorded results."""
    results = [each for each in trials.read_results() if "error" not in each]
    if not results:
        return "Nothing was diagnosed yet."
    scored = [each for each in results if each["causes"] and not each["learned"]]
    learned = [each for each in results if each["causes"] and each["learned"]]
    healthy = [each for each in results if not each["causes"]]
    held_out = [each for each in healthy if not each["learned"]]
    rows = [("", "cases", "first cause right", "within the first three", "precision of findings", "median seconds")]
    rows += [_row("faults that are only scored", scored), _row("faults that are learned from", learned)]
    commonest = Counter(first(each) for each in scored).most_common(1)
    prior = Counter(cause for each in learned for cause in each["causes"][:1]).most_common(1)
    text = _table(rows)
    alarms = [each for each in healthy if each["verdict"] != "none"]
    alarms_held_out = [each for each in held_out if each["verdict"] != "none"]
    text += (
        f"\nHealthy programs: {len(alarms)} of {len(healthy)} are called faulty or undecided"
        f" ({len(alarms_held_out)} of the {len(held_out)} that nothing was learned from); median"
        f" {statistics.median([each['seconds'] for each in healthy] or [0]):.0f} s.\n"
    )
    if commonest and scored:
        cause, count = commonest[0]
        text += f"The commonest first cause is `{cause}`, in {count} of {len(scored)} scored faults.\n"
    if prior and scored:
        always = sum("learning_rate_high" in each["causes"] or "learning_rate_low" in each["causes"] for each in scored)
        text += f"Always answering with the learning rate would be right in {always} of {len(scored)}.\n"
    missed = [each for each in [*scored, *learned] if not right(each)]
    text += "\nMissed, or another cause first:\n\n" + _table(
        [("case", "verdict", "found")]
        + [
            (each["case"], each["verdict"], ", ".join(f["cause"] for f in each["findings"][:3]) or "nothing")
            for each in missed
        ]
    )
    if alarms:
        text += "\nFalse alarms:\n\n" + _table(
            [("case", "verdict", "found")]
            + [
                (each["case"], each["verdict"], ", ".join(f["cause"] for f in each["findings"][:3]) or "nothing")
                for each in alarms
            ]
        )
    return text


def _row(name, results):
    if not results:
        return (name, "0", "-", "-", "-", "-")
    strict = [
        each["cause"] in result["causes"] for result in results for each in result["findings"] if not each["harmless"]
    ]
    return (
        name,
        str(len(results)),
        _share([right(each) for each in results]),
        _share([right(each, 3) for each in results]),
        _share(strict),
        f"{statistics.median(each['seconds'] for each in results):.0f}",
    )


def _found(result):
    causes = ", ".join(each["cause"] for each in result["findings"][:3])
    return result["case"], result["verdict"], causes or "nothing"


def _share(values):
    return f"{sum(values) / len(values):.2f} ({sum(values)} of {len(values)})" if values else "-"


def _table(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"
