"""A diagnosis as one HTML page, which needs no other file, no network and no script."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoo.doctor.causes import CAUSES
from zoo.doctor.changes import names_of_runs
from zoo.doctor.report.chart import losses_as_svg
from zoo.doctor.report.style import STYLE
from zoo.doctor.report.words import (
    VERDICTS,
    Diagnosis,
    Finding,
    Test,
    ending,
    name_of,
    remedy_of,
    sentence,
    state_of,
    stopped,
)
from zoo.page.elements import State, code, document, header, pairs, section, table, text
from zoo.page.values import value_text
from zoo.training.run.environment import environment

STATES: Mapping[str, State] = {"fault": "bad", "none": "good"}  # of verdicts; others are open
COURSE_COLUMNS = (
    "run",
    "steps",
    "first loss",
    "last loss",
    "training accuracy",
    "evaluation accuracy",
    "commonest class",
)


def page(diagnosis: Diagnosis) -> str:
    """Returns the page of a diagnosis, as HTML that is XML as well."""
    causes = [finding for finding in diagnosis.findings if not finding.harmless]
    harmless = [finding for finding in diagnosis.findings if finding.harmless]
    parts = [
        _header(diagnosis, causes),
        section("Causes, the most probable first", [_card(finding) for finding in causes]),
        section("Present, but harmless", [_card(finding) for finding in harmless]),
        section("Training", _courses(diagnosis.course)),
        section("Tests", [_tests(diagnosis.tests)] if diagnosis.tests else []),
        section("Environment", [pairs(environment())]),
    ]
    return document(f"{diagnosis.subject}: {VERDICTS[diagnosis.verdict]}", parts, STYLE)


def _header(diagnosis: Diagnosis, causes: Sequence[Finding]) -> str:
    lead = [f"{name_of(causes[0])}: {stopped(causes[0].summary)}"] if causes else []
    done = sum(test.status == "done" for test in diagnosis.tests)
    count = f"{done} tests in {diagnosis.seconds:.0f} s, {len(diagnosis.tests) - done} not run"
    state = STATES.get(diagnosis.verdict, "open")
    return header(diagnosis.subject, VERDICTS[diagnosis.verdict], lead, state, count)


def _card(finding: Finding) -> str:
    """Returns the card of a finding."""
    words, lines = remedy_of(finding)
    codes = "".join(map(code, lines))
    rows = {
        "healthy": finding.healthy,
        "where": finding.where,
        "shown by": finding.decided_by,
        "remedy": words or "change this",
    }
    evidence = table(("measured", "value"), [(name, value_text(value)) for name, value in finding.evidence.items()])
    percent = f"{min(max(finding.confidence, 0), 1) * 100:.0f}"
    bar = (
        f'<div class="bar" role="img" aria-label="confidence {percent} %"><span style="width:{percent}%"></span>'
        f'</div>\n<p class="small">confidence {percent} %</p>\n'
    )
    kind = "harmless" if finding.harmless else "confirmed" if finding.confirmed else "suspected"
    return (
        f'<article class="{kind}">\n<h3>{text(name_of(finding))} <span class="badge">{text(_badge(finding))}</span>'
        f' <span class="id">{text(finding.cause)}</span></h3>\n'
        f'<p class="what">{text(CAUSES[finding.cause].what)}</p>\n<p>{text(sentence(finding.summary))}</p>\n'
        f"{pairs({name: value for name, value in rows.items() if value})}{codes}"
        f"{'' if finding.harmless else bar}{evidence if finding.evidence else ''}</article>\n"
    )


def _badge(finding: Finding) -> str:
    state = state_of(finding)
    return state if finding.harmless or finding.confirmed else f"{state}, not confirmed"


def _courses(courses: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the picture and the table of the short runs."""
    if not courses:
        return []
    shown = names_of_runs(courses)
    courses = {shown[name]: course for name, course in courses.items()}
    picture = losses_as_svg(courses)
    rows = [_course_row(name, course) for name, course in courses.items()]
    return [f'<figure class="scroll">{picture}</figure>\n' if picture else "", table(COURSE_COLUMNS, rows)]


def _course_row(name: str, course: Mapping[str, Any]) -> list[str]:
    losses = [float(loss) for loss in course.get("losses", ()) if loss is not None]
    first, last = (value_text(losses[0]), value_text(ending(losses))) if losses else ("-", "-")
    others = [value_text(course.get(key)) for key in ("train_accuracy", "eval_accuracy", "majority")]
    return [name, f"{len(losses):,}", first, last if course.get("finite", True) else "not finite", *others]


def _tests(tests: Iterable[Test]) -> str:
    rows = [
        (test.name, test.status, test.detail, f"{test.seconds:.1f}" if test.status == "done" else "-") for test in tests
    ]
    return table(("test", "status", "result, or why it was not run", "seconds"), rows)
