"""How checks are shown: in the terminal, as JSON, and as JUnit XML for build servers."""

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

ALWAYS_REPORTED = ("totals", "totals with heads", "logits", "numbers")  # of a network that is right
COLORS = {"pass": "green", "fail": "bold red", "undecided": "yellow", "skip": "dim"}


def show(console: Console, check: Check) -> None:
    """Prints one check as a line."""
    status = f"[{COLORS[check.status]}]{check.status:9}[/]"
    text = escape(printable(f"{check.subject}: {check.group}, {check.name}: {check.detail}"))
    console.print(f"{status} {text}", soft_wrap=True)


def show_network(console: Console, checks: Sequence[Check]) -> None:
    """Prints the checks of one network's architecture as one line, and those that did not pass as a line each."""
    failed = [check for check in checks if check.status == "fail"]
    for check in failed:
        show(console, check)
    if not failed:
        details = {check.name: check.detail for check in checks}
        told = "; ".join(details[name] for name in ALWAYS_REPORTED if name in details)
        console.print(f"[{COLORS['pass']}]{'pass':9}[/] {escape(f'{checks[0].subject}: {told}')}", soft_wrap=True)


def exit_status(checks: Sequence[Check]) -> int:
    """0 if all is well, 1 if a check failed, 3 if none failed and one is undecided."""
    statuses = {check.status for check in checks}
    return 1 if "fail" in statuses else 3 if "undecided" in statuses else 0


def summary(checks: Sequence[Check]) -> str:
    """How many checks ended how."""
    counts = collections.Counter(check.status for check in checks)
    return ", ".join(f"{counts[status]} {status}" for status in COLORS if counts[status])


def write_json(path: Path, checks: Sequence[Check], environment: dict[str, Any]) -> None:
    """Writes all checks, and on what machine they were made."""
    content = {"status": exit_status(checks), "environment": environment, "checks": [vars(check) for check in checks]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_junit(path: Path, checks: Sequence[Check]) -> None:
    """Writes JUnit XML: a test case for each check."""
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
