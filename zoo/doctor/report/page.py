"""A diagnosis as one HTML page, which needs no other file, no network and no script."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoo.doctor.causes import CAUSES
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
    value_text,
)
from zoo.errors import printable
from zoo.training.run.environment import environment

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
    """Returns the page of a diagnosis, as HTML that is XML as well.

    Names of files and classes, and all that a program says, may be anything, and are escaped.
    """
    causes = [finding for finding in diagnosis.findings if not finding.harmless]
    harmless = [finding for finding in diagnosis.findings if finding.harmless]
    parts = [
        _header(diagnosis, causes),
        _section("Causes, the most probable first", [_card(finding) for finding in causes]),
        _section("Present, but harmless", [_card(finding) for finding in harmless]),
        _section("Training", _courses(diagnosis.course)),
        _section("Tests", [_tests(diagnosis.tests)] if diagnosis.tests else []),
        _section("Environment", [_pairs(environment())]),
    ]
    title = _text(f"{diagnosis.subject}: {VERDICTS[diagnosis.verdict]}")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _text(value: Any) -> str:
    """Returns any value as text of the page: on one line, printable and escaped."""
    return html.escape(printable(value))


def _section(title: str, parts: Sequence[str]) -> str:
    """Returns a section; "" without parts."""
    return f"<section>\n<h2>{title}</h2>\n{''.join(parts)}</section>\n" if parts else ""


def _header(diagnosis: Diagnosis, causes: Sequence[Finding]) -> str:
    lead = f"<p>{_text(f'{name_of(causes[0])}: {stopped(causes[0].summary)}')}</p>\n" if causes else ""
    done = sum(test.status == "done" for test in diagnosis.tests)
    count = f"{done} tests in {diagnosis.seconds:.0f} s, {len(diagnosis.tests) - done} not run"
    return (
        f'<header class="{_text(diagnosis.verdict)}">\n<p class="subject">{_text(diagnosis.subject)}</p>\n'
        f"<h1>{_capital(VERDICTS[diagnosis.verdict])}</h1>\n"
        f'{lead}<p class="small">{count}</p>\n</header>\n'
    )


def _capital(text: str) -> str:
    return _text(text[:1].upper() + text[1:])


def _card(finding: Finding) -> str:
    """Returns the card of a finding."""
    words, lines = remedy_of(finding)
    codes = "".join(f"<pre><code>{_text(line)}</code></pre>\n" for line in lines)
    rows = {
        "healthy": finding.healthy,
        "where": finding.where,
        "shown by": finding.decided_by,
        "remedy": words or "change this",
    }
    evidence = _table(("measured", "value"), [(name, value_text(value)) for name, value in finding.evidence.items()])
    percent = f"{min(max(finding.confidence, 0), 1) * 100:.0f}"
    bar = (
        f'<div class="bar" role="img" aria-label="confidence {percent} %"><span style="width:{percent}%"></span>'
        f'</div>\n<p class="small">confidence {percent} %</p>\n'
    )
    kind = "harmless" if finding.harmless else "confirmed" if finding.confirmed else "suspected"
    return (
        f'<article class="{kind}">\n<h3>{_text(name_of(finding))} <span class="badge">{_text(_badge(finding))}</span>'
        f' <span class="id">{_text(finding.cause)}</span></h3>\n'
        f'<p class="what">{_text(CAUSES[finding.cause].what)}</p>\n<p>{_text(sentence(finding.summary))}</p>\n'
        f"{_pairs({name: value for name, value in rows.items() if value})}{codes}"
        f"{'' if finding.harmless else bar}{evidence if finding.evidence else ''}</article>\n"
    )


def _badge(finding: Finding) -> str:
    state = state_of(finding)
    return state if finding.harmless or finding.confirmed else f"{state}, not confirmed"


def _courses(courses: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the picture and the table of the short runs."""
    if not courses:
        return []
    picture = losses_as_svg(courses)
    rows = [_course_row(name, course) for name, course in courses.items()]
    return [f'<figure class="scroll">{picture}</figure>\n' if picture else "", _table(COURSE_COLUMNS, rows)]


def _course_row(name: str, course: Mapping[str, Any]) -> list[str]:
    losses = [float(loss) for loss in course.get("losses", ()) if loss is not None]
    first, last = (value_text(losses[0]), value_text(ending(losses))) if losses else ("-", "-")
    others = [value_text(course.get(key)) for key in ("train_accuracy", "eval_accuracy", "majority")]
    return [name, f"{len(losses):,}", first, last if course.get("finite", True) else "not finite", *others]


def _tests(tests: Iterable[Test]) -> str:
    rows = [
        (test.name, test.status, test.detail, f"{test.seconds:.1f}" if test.status == "done" else "-") for test in tests
    ]
    return _table(("test", "status", "result, or why it was not run", "seconds"), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table, which can be scrolled where the page is narrower."""
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'


def _pairs(values: Mapping[str, Any]) -> str:
    """Returns a list of names and values."""
    items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(_all_of(value))}</dd>\n" for name, value in values.items())
    return f"<dl>\n{items}</dl>\n"


def _all_of(value: Any) -> str:
    """Returns a value as text, with every element of a list or a mapping."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_text(each)}" for name, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value_text(value)
