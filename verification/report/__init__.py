"""Reports of checks: in the terminal, as JSON, and as JUnit XML for CI servers."""

import collections
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.markup import escape

from verification.check import Check
from zoo.errors import printable

ALWAYS_REPORTED = ("totals", "totals with heads", "logits", "numbers")  # for networks whose checks all passed
COLORS = {"pass": "green", "fail": "bold red", "undecided": "yellow", "skip": "dim"}


def show(console: Console, check: Check) -> None:
    """Prints a check on one line."""
    status = f"[{COLORS[check.status]}]{check.status:9}[/]"
    text = escape(printable(f"{check.subject}: {check.group}, {check.name}: {check.detail}"))
    console.print(f"{status} {text}", soft_wrap=True)


def show_network(console: Console, checks: Sequence[Check]) -> None:
    """Prints a line for each failed check of a network's architecture, or a single line if none failed."""
    failed = [check for check in checks if check.status == "fail"]
    for check in failed:
        show(console, check)
    if not failed:
        details = {check.name: check.detail for check in checks}
        text = "; ".join(details[name] for name in ALWAYS_REPORTED if name in details)
        console.print(f"[{COLORS['pass']}]{'pass':9}[/] {escape(f'{checks[0].subject}: {text}')}", soft_wrap=True)


def exit_status(checks: Sequence[Check]) -> int:
    """Returns 1 if a check failed, else 3 if one is undecided, else 0."""
    statuses = {check.status for check in checks}
    return 1 if "fail" in statuses else 3 if "undecided" in statuses else 0


def summary(checks: Sequence[Check]) -> str:
    """Returns the number of checks with each status, as text."""
    counts = collections.Counter(check.status for check in checks)
    return ", ".join(f"{counts[status]} {status}" for status in COLORS if counts[status])


def write_json(path: Path, checks: Sequence[Check], environment: dict[str, Any]) -> None:
    """Writes all checks and the environment as JSON."""
    content = {"status": exit_status(checks), "environment": environment, "checks": [vars(check) for check in checks]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_junit(path: Path, checks: Sequence[Check]) -> None:
    """Writes all checks as JUnit XML, with a test case per check."""
    statuses = [check.status for check in checks]
    suite = ElementTree.Element(
        "testsuite",
        name="verification",
        tests=str(len(checks)),
        failures=str(statuses.count("fail")),
        skipped=str(statuses.count("skip") + statuses.count("undecided")),
    )
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{check.subject}.{check.group}", name=check.name)
        if check.status == "fail":
            ElementTree.SubElement(case, "failure", message=printable(check.detail))
        elif check.status != "pass":
            ElementTree.SubElement(case, "skipped", message=printable(check.detail))
        else:
            ElementTree.SubElement(case, "system-out").text = printable(check.detail)
    ElementTree.ElementTree(suite).write(path, encoding="unicode", xml_declaration=True)
