"""The report of all checks as one page, which needs no other file, no network and no script."""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verification.check import Check
from verification.report.chart import band_picture
from verification.report.verdict import exit_status, summary
from verification.statistics import SUITE_ALPHA
from zoo.page.elements import (
    Markup,
    State,
    document,
    folded,
    header,
    pairs,
    paragraph,
    section,
    table,
    text,
)
from zoo.page.values import value_text

STATES: Mapping[str, str] = {"pass": "good", "fail": "bad", "undecided": "open", "skip": "none"}
DECISIONS = {"pass": "pass", "fail": "fail", "undecided": "undecided", "skip": "not run"}
TITLES: Mapping[int, tuple[str, State]] = {
    0: ("all checks passed", "good"),
    1: ("a check failed", "bad"),
    3: ("undecided", "open"),
}
SHOWN = ("value", "low", "high", "n", "runs", "alpha")  # figures, in this order; others follow

STYLE = """
svg.band { display: block; width: 10rem; height: 1rem; }
svg.band line { stroke: var(--line); }
svg.band rect { fill: var(--good); opacity: .3; }
svg.band circle, svg.band path { fill: var(--ink); }
svg.band.bad circle, svg.band.bad path { fill: var(--bad); }
td .figures { color: var(--soft); font-size: .8rem; }
summary .badge { margin-left: .5rem; }
@media (max-width: 40rem) { thead { display: none; } tr { display: block; padding: .4rem 0;
  border-bottom: 1px solid var(--line); } td { display: block; border: 0; padding: .15rem 0; } }
"""


def page(
    checks: Sequence[Check],
    environment: Mapping[str, Any],
    *,
    arguments: Mapping[str, Any],
    comparison: Sequence[Check] | None = None,
    seconds: float | None = None,
    alpha: float | None = None,
) -> str:
    """Returns the page, as HTML that is XML as well.

    Args:
      checks: all checks.
      environment: see `zoo.training.run.environment.environment`.
      arguments: of the program, by name.
      comparison: with a baseline or certificate, which decides then; None for none.
      seconds: that all checks took; None if unknown.
      alpha: probability that the reference runs' bands fail healthy code, by recipe; None if unknown.
    """
    decisive = checks if comparison is None else comparison
    title, state = TITLES[exit_status(decisive)]
    failed = [check for check in decisive if check.status == "fail"]
    lines = [f"{failed[0].subject}: {failed[0].group}, {failed[0].name}: {failed[0].detail}"] if failed else []
    took = f" in {seconds:,.0f} s" if seconds is not None else ""
    small = f"{len(checks):,} checks{took}: {summary(checks) or 'none'}"
    by_subject = collections.defaultdict(list)
    for check in checks:
        by_subject[check.subject].append(check)
    parts = [
        header("verification", title, lines, state, small),
        section("Comparison", [_checks(comparison)] if comparison else []),
        section("Failed or undecided", _open(checks)),
        section("Networks and recipes", [_subject(name, found) for name, found in by_subject.items()]),
        section("Not run", _not_run(checks)),
        section("False alarms", [paragraph(_alarms(alpha))]),
        section("Arguments", [pairs(arguments)] if arguments else []),
        section("Environment", [pairs(environment)]),
    ]
    return document(f"verification: {title}", parts, STYLE)


def _badge(status: str) -> Markup:
    return Markup(f'<span class="badge {STATES[status]}">{DECISIONS[status]}</span>')


def _open(checks):
    found = [check for check in checks if check.status in ("fail", "undecided")]
    rows = [(_badge(check.status), check.subject, f"{check.group}, {check.name}", check.detail) for check in found]
    return [table(("decision", "of", "check", "expected and found"), rows)] if found else []


def _subject(name: str, checks: Sequence[Check]) -> Markup:
    """Returns the checks of a network or recipe, open if any of them failed."""
    worst = min((check.status for check in checks), key=("fail", "undecided", "pass", "skip").index)
    title = Markup(f"{text(name)} {_badge(worst)} <span class='small'>{text(summary(checks))}</span>")
    return folded(title, [_checks(checks)], opened=worst == "fail")


def _checks(checks: Iterable[Check]) -> Markup:
    rows = [
        (_badge(check.status), f"{check.group}, {check.name}", _figures(check), check.detail)
        for check in checks
        if check.status != "skip"
    ]
    return table(("decision", "check", "figures", "expected and found"), rows)


def _figures(check: Check) -> Markup:
    figures = check.figures or {}
    names = [*(name for name in SHOWN if name in figures), *(name for name in figures if name not in SHOWN)]
    listed = ", ".join(f"{name} {value_text(figures[name])}" for name in names)
    return Markup(f'{band_picture(figures, check.status)}<span class="figures">{text(listed)}</span>')


def _not_run(checks):
    """Returns the checks that were not run, by the reason."""
    reasons = collections.defaultdict(list)
    for check in checks:
        if check.status == "skip":
            reasons[check.detail].append(f"{check.subject}: {check.group}, {check.name}")
    rows = [(reason, "; ".join(names)) for reason, names in reasons.items()]
    return [table(("reason", "checks"), rows)] if rows else []


def _alarms(alpha):
    of_recipe = f" The bands of one recipe's reference runs fail it with probability {alpha:.2g}." if alpha else ""
    return (
        f"All recipes together, the suite fails healthy code with probability {SUITE_ALPHA:g}.{of_recipe} A band is"
        " drawn in green, and the value as a dot; as a triangle if it is farther away than the band is wide."
    )
