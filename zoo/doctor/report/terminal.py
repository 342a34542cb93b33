"""A diagnosis in the terminal: a screen that begins with the cause, and is as clear in a file without colours."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from zoo.doctor.report.words import (
    VERDICTS,
    Diagnosis,
    Finding,
    course_text,
    left_out,
    name_of,
    remedy_of,
    sentence,
    state_of,
    stopped,
)
from zoo.errors import listed, printable

MAX_WIDTH = 100  # columns: longer lines are hard to read
MOST_OTHERS = 3  # causes after the first, and harmless ones, that are shown
MOST_REASONS = 4  # why tests were not run
COLORS = {"fault": "bold red", "none": "bold green"}
INDENT = 12  # columns of the labels
CODE_STYLE = "bold cyan"


def print_diagnosis(console: Console, diagnosis: Diagnosis, report: str | Path | None = None) -> None:
    """Prints a diagnosis.

    Args:
      console: prints it.
      diagnosis: the diagnosis.
      report: path of its page, to name at the end; None if there is none.
    """
    style = COLORS.get(diagnosis.verdict, "bold yellow")
    heading = Text.assemble(f"{printable(diagnosis.subject)}: ", (VERDICTS[diagnosis.verdict], style))
    console.print(heading, width=_width(console))
    causes = [finding for finding in diagnosis.findings if not finding.harmless]
    if causes:
        console.print()
        _print_first(console, causes[0])
    for name, course in itertools.islice(diagnosis.course.items(), 1):
        _print_row(console, "its run", course_text(name, course))
    others = causes[1:]
    _print_others(console, "Further causes" if others and others[0].confirmed else "Also possible", others)
    _print_others(console, "Present, but harmless", [finding for finding in diagnosis.findings if finding.harmless])
    _print_left_out(console, diagnosis)
    if report is not None:
        console.print()
        console.print(Text(f"report: {printable(report)}"), soft_wrap=True)


def print_findings(console: Console, findings: Sequence[Finding], command: str) -> None:
    """Prints what the records of a run point to, and the command that finds out more."""
    if findings:
        console.print(Text("What the records of this run point to:", "bold"), width=_width(console))
    for finding in findings[: MOST_OTHERS + 1]:
        _print_short(console, finding)
    console.print(Text.assemble("to find the cause: ", (printable(command), CODE_STYLE)), soft_wrap=True)


def _width(console):
    return min(console.width, MAX_WIDTH)


def _print_first(console, finding):
    """Prints the first cause with all that is known of it."""
    console.print(
        Text.assemble((name_of(finding), "bold"), f" [{finding.cause}], {_certainty(finding)}"), width=_width(console)
    )
    console.print(Text(sentence(finding.summary)), width=_width(console))
    _print_row(console, "healthy", finding.healthy)
    _print_row(console, "where", finding.where)
    _print_row(console, "shown by", finding.decided_by)
    _print_remedy(console, finding)


def _certainty(finding):
    return "confirmed" if finding.confirmed else f"{state_of(finding)} probable, not confirmed"


def _print_row(console, label, value):
    """Prints a label, and a value that is wrapped beside it."""
    if value:
        lines = Text(printable(value)).wrap(console, max(_width(console) - INDENT, 20))
        for number, line in enumerate(lines):
            line.rstrip()
            prefix = f"  {label}" if number == 0 else ""
            console.print(Text(prefix.ljust(INDENT)).append(line), soft_wrap=True)


def _print_code(console, lines):
    """Prints each line to copy in one piece, however long it is."""
    for line in lines:
        console.print(Text(" " * INDENT).append(line, CODE_STYLE), soft_wrap=True)


def _print_remedy(console, finding):
    words, lines = remedy_of(finding)
    _print_row(console, "remedy", words or "change this")
    _print_code(console, lines)


def _print_others(console, title, findings):
    if not findings:
        return
    console.print()
    console.print(Text(title, "bold"), width=_width(console))
    for finding in findings[:MOST_OTHERS]:
        _print_short(console, finding)
    if len(findings) > MOST_OTHERS:
        names = [name_of(finding).lower() for finding in findings[MOST_OTHERS:]]
        console.print(Text(f"  and {listed(names)}"), width=_width(console))


def _print_short(console, finding):
    """Prints a cause in a few lines."""
    text = f"{name_of(finding)}: {stopped(finding.summary)}"
    if finding.healthy:
        text += f" Healthy: {stopped(finding.healthy)}"
    _print_row(console, "-" if finding.harmless else state_of(finding), text)
    if not finding.harmless:
        words, lines = remedy_of(finding)
        _print_row(console, "", f"remedy: {words or 'change this'}")
        _print_code(console, lines)


def _print_left_out(console, diagnosis):
    reasons = left_out(diagnosis.tests)
    if not reasons:
        return
    console.print()
    console.print(Text("Not tested", "bold"), width=_width(console))
    for reason, names in itertools.islice(reasons.items(), MOST_REASONS):
        console.print(Text(f"  {listed(names)}: {reason}"), width=_width(console))
    if len(reasons) > MOST_REASONS:
        console.print(Text(f"  and {sum(map(len, list(reasons.values())[MOST_REASONS:]))} other tests"))
