"""The figures of the doctor, for docs/doctor.md."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from verification.doctor import colour, trials
from zoo.doctor.causes import CAUSES
from zoo.doctor.confirm import NOTICEABLE
from zoo.doctor.evidence import Suspicion
from zoo.doctor.likelihood import confidence

Result = dict[str, Any]
NEARLY = 0.03  # difference of accuracies on 1,000 examples that is within chance: 2.2 standard errors at most


def line(result: Result) -> str:
    """Returns one line about a result."""
    if "error" in result:
        return f"ERROR {result['case']}: {result['error']}"
    found = ", ".join(
        f"{each['cause']}{'*' if each['confirmed'] else ''}{' (harmless)' if each['harmless'] else ''}"
        for each in result["findings"][:4]
    )
    mark = "right" if right(result) else "WRONG"
    return f"{mark} {result['case']}: {result['verdict']}: {found or '-'} [{result['seconds']:.0f} s]"


def named(result: Result) -> list[str]:
    """Returns the causes that are named, in order; harmless ones come last."""
    return [each["cause"] for each in result["findings"]]


def right(result: Result, places: int = 1) -> bool:
    """Returns whether the cause is among the first ones named; for a healthy case, whether no fault was found."""
    if not result["causes"]:
        return result["verdict"] == "none"
    return bool({*named(result)[:places]} & {*result["causes"]})


# Causes that do harm by what they do to training, and none if training reaches what it reaches without them.
THROUGH_TRAINING = {
    *(
        "learning_rate_high",
        "learning_rate_low",
        "optimizer_settings",
        "regularization_strong",
        "schedule",
        "batch_size",
    ),
    *("inputs_unscaled", "inputs_scaled_twice", "initialization_scale", "loss_reduction", "loss_kind", "loss_unstable"),
    *("augmentation_too_strong", "hidden_activation", "feature_map_collapse", "capacity_too_small"),
    *("augmentation_missing", "regularization_weak", "capacity_too_large"),
}


def without_effect(result: Result, results: Sequence[Result]) -> bool:
    """Returns whether training reaches, in spite of a fault, nearly the median accuracy of the healthy base."""
    if not result["causes"] or result["causes"][0] not in THROUGH_TRAINING or "as it is" not in result["courses"]:
        return False
    base = result["case"].rpartition(" in ")[2]
    healthy = [
        each["courses"]["as it is"]["eval_accuracy"]
        for each in results
        if each["case"].startswith(f"healthy {base}, seed")
    ]
    return bool(healthy) and result["courses"]["as it is"]["eval_accuracy"] > statistics.median(healthy) - NEARLY


def remedied(result: Result) -> bool:
    """Returns whether the first finding is the cause, or its remedy recovered training in an experiment."""
    first = result["findings"][:1]
    return right(result) or any(each.get("decided_by", "").startswith("experiment") for each in first)


def figures() -> str:
    """Returns the figures as Markdown, from the recorded results."""
    results = [each for each in trials.read_results() if "error" not in each]
    if not results:
        return "Nothing was diagnosed yet."
    harmless = [each for each in results if without_effect(each, results)]
    faulty = [each for each in results if each["causes"] and each not in harmless]
    others = [each for each in faulty if each["group"] == trials.OTHERS]
    coloured = [each for each in faulty if each["group"] == colour.GROUP]
    scored = [each for each in faulty if not each["learned"] and each not in others and each not in coloured]
    learned = [each for each in faulty if each["learned"]]
    healthy = [each for each in results if not each["causes"]]
    tables = [
        [
            HEADER,
            _row(trials.OTHERS, others),
            _row("only scored", scored),
            _row(colour.GROUP, coloured),
            _row("learned from", learned),
        ],
        [
            ("answer", "first cause right", "alarms on healthy programs"),
            *_simpler([*others, *scored, *coloured], learned, healthy),
        ],
        [("cause", "documents", "cases", "first cause right", "first causes named instead"), *_by_cause(faulty)],
        [("case", "verdict", "found", "why"), *((*_found(each), _why(each)) for each in faulty if not right(each))],
        [("case", "verdict", "found"), *(_found(each) for each in healthy if not right(each))],
    ]
    whole, simpler, causes, missed, alarms = map(_table, tables)
    return "\n".join(
        [
            "From `python -m verification.doctor`, with one core for each diagnosis. Likelihoods are learned from one",
            "part of the cases and not from those only scored. Rules were mended after misses in all parts, so that",
            "programs that nobody here has seen are harder than these. A healthy program that is called faulty or",
            "undecided is an alarm.",
            *_versions(results),
            f"\n{whole}\n{_alarms(healthy)}",
            "Faults without effect, with which training reaches the accuracy of the healthy program, and which are not",
            f"called a fault: {_share(each['verdict'] == 'none' for each in harmless)}.",
            f"\nThe same programs, all faults that nothing was learned from, by simpler answers:\n\n{simpler}",
            "By cause, with the texts that name it; the first acceptable cause of a case counts:",
            f"\n{causes}",
            f"Cases in which another cause comes first, or none:\n\n{missed}",
            f"Healthy programs that were not called so:\n\n{alarms}",
        ]
    )


def _versions(results: Sequence[Result]) -> tuple[str, str]:
    """Returns a sentence, in two lines, about the version of the code that diagnosed the cases."""
    scored, learned = (
        [trials.is_present(each) for each in results if each["learned"] == part] for part in (False, True)
    )
    if all(scored) and all(learned):
        return (
            f"All {len(results)} cases were diagnosed by the present version of the code, or by one that differs in",
            "nothing that concerns them.",
        )
    return (
        f"Of the cases only scored, {sum(scored)} of {len(scored)} were diagnosed by the present code, and of those to"
        " learn from",
        f"{sum(learned)} of {len(learned)}; the others by the code before its last changes.",
    )


def _by_cause(faulty: Sequence[Result]) -> Iterable[tuple[str, ...]]:
    """Yields a row for each cause; one without a case says why."""
    for cause, about in CAUSES.items():
        cases = [each for each in faulty if each["causes"][0] == cause]
        instead = Counter((named(each) or ["none"])[0] for each in cases if not right(each))
        others = ", ".join(f"`{name}` {count}" for name, count in instead.most_common()) or "-"
        texts = ", ".join(map(str, about.documents)) or "-"
        if cases:
            yield f"`{cause}`", texts, str(len(cases)), _share(right(each) for each in cases), others
        else:
            yield f"`{cause}`", texts, "0", "-", WITHOUT_CASE.get(cause, "no case yet")


# Causes that no case of a recipe has, with the tests that show them.
WITHOUT_CASE = {
    "bad_values": "recipes refuse such data; tests/doctor/test_data_measurements.py",
    "channel_order": "needs colour images; tests/doctor/test_data_measurements.py",
    "wrong_statistics": "recipes measure their statistics; tests/doctor/test_data_measurements.py",
    "wrong_architecture": "needs a reference; tests/doctor/test_diagnose.py",
    "loss_unstable": "planted, and found, in programs that train in spite of it",
    "augmentation_range": "tests/doctor/test_data_measurements.py",
    "normalization_missing": "accepted for deep networks of sigmoids",
    "capacity_too_large": "named for what memorizes tables or augmented images; tests/doctor/test_rules.py",
    "regularization_weak": "accepted for images memorized and few examples; tests/doctor/test_rules.py",
    "stopped_early": "tests/doctor/test_history.py",
}


HEADER = ("", "cases", "first cause right", "or its remedy works", "among the first three", "precision", "median time")


def _row(name: str, results: Sequence[Result]) -> tuple[str, ...]:
    if not results:
        return (name, "0", *["-"] * (len(HEADER) - 2))
    faults = [
        each["cause"] in result["causes"] for result in results for each in result["findings"] if not each["harmless"]
    ]
    return (
        name,
        str(len(results)),
        _share(right(each) for each in results),
        _share(remedied(each) for each in results),
        _share(right(each, 3) for each in results),
        _share(faults),
        f"{statistics.median(each['seconds'] for each in results):.0f} s",
    )


def _alarms(healthy: Sequence[Result]) -> str:
    if not healthy:
        return ""
    others = [each for each in healthy if not each["learned"]]
    return (
        f"Alarms on healthy programs: {_share(not right(each) for each in healthy)}; on those that nothing was learned"
        f" from: {_share(not right(each) for each in others)}; median time"
        f" {statistics.median(each['seconds'] for each in healthy):.0f} s."
    )


def _simpler(
    scored: Sequence[Result], learned: Sequence[Result], healthy: Sequence[Result]
) -> Iterable[tuple[str, ...]]:
    """Yields rows of what simpler answers would give: one cause for all, and the rules of earlier tools."""
    rates = {"learning_rate_high", "learning_rate_low"}
    yield "always the learning rate", _share(bool(rates & {*each["causes"]}) for each in scored), "all"
    commonest = Counter(each["causes"][0] for each in learned).most_common(1)
    for cause, _ in commonest:
        yield f"always `{cause}`, the commonest", _share(cause in each["causes"] for each in scored), "all"
    said = Counter(named(each)[0] for each in scored if each["findings"]).most_common(1)
    for cause, count in said:
        yield f"the doctor's own commonest answer, `{cause}`", f"said in {count} of {len(scored)}", "-"
    tools = dict.fromkeys(tool for each in [*scored, *healthy] for tool in each["baselines"])
    for tool in tools:
        answers = [(each["baselines"][tool][:1], each["causes"]) for each in scored if tool in each["baselines"]]
        alarms = [bool(each["baselines"][tool]) for each in healthy if tool in each["baselines"]]
        yield tool, _share(bool({*first} & {*causes}) for first, causes in answers), _share(alarms)


def _found(result: Result) -> tuple[str, str, str]:
    return result["case"], result["verdict"], ", ".join(named(result)[:3]) or "nothing"


def _why(result: Result) -> str:
    """Returns why the cause of a case is not named first: what the fault costs, and how probable its cause seemed."""
    accuracies = [course["eval_accuracy"] for course in result["courses"].values() if course["finite"]]
    cost = 100 * (max(accuracies) - result["courses"]["as it is"]["eval_accuracy"])
    chances = [
        confidence(Suspicion(each["cause"], each["rule"], each["score"], "", exact=each["exact"]))
        for each in result["suspicions"]
        if each["cause"] in result["causes"]
    ]
    seen = f"a probability of {max(chances):.2f}" if chances else "no measurement that points to it"
    if result["verdict"] == "none":
        size = "less than" if cost <= 100 * NOTICEABLE else "more than"
        return f"training works; it costs {cost:.0f} points, {size} the {100 * NOTICEABLE:.0f} of chance; {seen}"
    return f"the right cause has {seen}"


def _share(values: Iterable[bool]) -> str:
    values = list(values)
    return f"{sum(values) / len(values):.2f} ({sum(values)} of {len(values)})" if values else "-"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    if len(rows) == 1:
        return "None.\n"
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"
