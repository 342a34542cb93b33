"""Reports of checks: in the terminal, as a page, as JSON, as JUnit XML for CI servers, and as a badge."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from absl import flags
from rich.console import Console
from rich.markup import escape

from verification.check import Check
from verification.report.page import page
from verification.report.verdict import exit_status, summary
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


def show_comparison(console: Console, checks: Sequence[Check], what: str) -> None:
    """Prints the checks of a comparison that did not pass, and its verdict with the first difference.

    Args:
      console: to print to.
      checks: of the comparison.
      what: what was compared with.
    """
    for check in checks:
        if check.status != "pass":
            show(console, check)
    failed = [check for check in checks if check.status == "fail"]
    verdict = {0: "the same", 1: "differs", 3: "undecided"}[exit_status(checks)]
    first = failed[0] if failed else None
    where = f"; first in {first.subject}: {first.group}, {first.name}: {first.detail}" if first else ""
    console.print(escape(printable(f"{what}: {verdict}{where} ({summary(checks)})")), soft_wrap=True)


def write_files(
    args: flags.FlagValues,
    checks: Sequence[Check],
    environment: dict[str, Any],
    runs: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    comparison: Sequence[Check] | None = None,
    seconds: float | None = None,
    alpha: float | None = None,
) -> None:
    """Writes the reports that the flags --json, --html, --junit and --badge name.

    JUnit's report and the badge are of the comparison, if there is one, which decides then. See `write_json` for the
    arguments, and `verification.report.page.page` for the last two.
    """
    decisive = checks if comparison is None else comparison
    if args.json:
        write_json(Path(args.json), checks, environment, runs, arguments, comparison)
    if args.html:
        arguments = arguments or {}
        content = page(checks, environment, arguments=arguments, comparison=comparison, seconds=seconds, alpha=alpha)
        Path(args.html).write_text(content, encoding="utf-8")
    if args.junit:
        write_junit(Path(args.junit), decisive)
    if args.badge:
        write_badge(Path(args.badge), decisive)


def write_json(
    path: Path,
    checks: Sequence[Check],
    environment: dict[str, Any],
    runs: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    comparison: Sequence[Check] | None = None,
) -> None:
    """Writes all checks, the environment, and the runs to compare with later, as JSON.

    Args:
      path: of the file.
      checks: the checks.
      environment: see `zoo.training.run.environment.environment`.
      runs: by recipe, see `verification.baseline.recording.Recorder`; None for none.
      arguments: how to run the same checks again; None if that is not possible.
      comparison: of the checks with a baseline or certificate, which decides the status; None for none.
    """
    content = {
        "status": exit_status(checks if comparison is None else comparison),
        "environment": environment,
        "arguments": arguments or {},
        "checks": [vars(check) for check in checks],
        "runs": runs or {},
    }
    if comparison is not None:
        content["comparison"] = [vars(check) for check in comparison]
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_badge(path: Path, checks: Sequence[Check]) -> None:
    """Writes a badge for shields.io (https://shields.io/badges/endpoint-badge) with the verdict and counts."""
    verdict = {0: "pass", 1: "fail", 3: "undecided"}[exit_status(checks)]
    color = {"pass": "brightgreen", "fail": "red", "undecided": "yellow"}[verdict]
    content = {"schemaVersion": 1, "label": "verification", "message": summary(checks) or "no checks", "color": color}
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def write_junit(path: Path, checks: Sequence[Check]) -> None:
    """Writes all checks as JUnit XML, with a test case per check.

    An undecided check is an error of type "undecided": it is neither a failure nor passed or skipped.
    """
    statuses = [check.status for check in checks]
    suite = ElementTree.Element(
        "testsuite",
        name="verification",
        tests=str(len(checks)),
        failures=str(statuses.count("fail")),
        errors=str(statuses.count("undecided")),
        skipped=str(statuses.count("skip")),
    )
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{check.subject}.{check.group}", name=check.name)
        if check.status == "fail":
            ElementTree.SubElement(case, "failure", message=printable(check.detail))
        elif check.status == "undecided":
            ElementTree.SubElement(case, "error", type="undecided", message=printable(check.detail))
        elif check.status == "skip":
            ElementTree.SubElement(case, "skipped", message=printable(check.detail))
        else:
            ElementTree.SubElement(case, "system-out").text = printable(check.detail)
    ElementTree.ElementTree(suite).write(path, encoding="unicode", xml_declaration=True)
