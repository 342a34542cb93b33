"""Comparison of two environments by two reports of the same checks, before and after an upgrade.

`read_report` reads the earlier report, `recording.Recorder` records what is paired, and `compare` pairs them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verification.baseline.pairs import compare_runs
from verification.check import Check, Group
from zoo.errors import ZooError, printable
from zoo.files import check_file, expand
from zoo.json_files import parse
from zoo.recipe.part import conform

MAX_BYTES = 2**26  # a report of all recipes has 2 MB
RERECORD = "write it again with python -m verification --json=FILE"
SHAPES = {
    "environment": Mapping[str, Any],
    "arguments": Mapping[str, Any],
    "checks": tuple[Mapping[str, Any], ...],
    "runs": Mapping[str, Mapping[str, Any]],
}
RUN_SHAPES = {
    "fingerprint": str,
    "data": str,
    "seed": int,
    "platform": str,
    "initial": Mapping[str, tuple[float, float]],
    "evaluation": Mapping[str, float],
    "losses": tuple[float, ...],
    "gradient_norms": tuple[float, ...],
    "first_update": Mapping[str, float],
}
CHECK_SHAPES = dict.fromkeys(("subject", "group", "name", "status", "detail"), str)
ARGUMENTS = {"recipe": tuple[str, ...], "only": tuple[str, ...], "tier": str | None, "seed": int}


def read_report(path: str | Path) -> dict[str, Any]:
    """Reads a report that `python -m verification --json` wrote.

    Raises:
      ZooError: the file is missing, too large, damaged, or of an earlier version without runs.
    """
    path = expand(path)
    check_file(path, MAX_BYTES)
    try:
        content = parse(path.read_bytes())
        content = {name: conform(content[name], shape) for name, shape in SHAPES.items()}
        content["arguments"] = _conformed(content["arguments"], ARGUMENTS)
        content["runs"] = {
            name: _conformed(run, RUN_SHAPES)
            | ({"measures": conform(run["measures"], Mapping[str, float])} if "measures" in run else {})
            for name, run in content["runs"].items()
        }
        for run in content["runs"].values():
            if "loss" not in run["evaluation"] or not run.get("measures", True):
                raise ValueError
        content["checks"] = [_conformed(check, CHECK_SHAPES) for check in content["checks"]]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise ZooError(f"{printable(path)} is not a report of verification, or damaged: {RERECORD}") from None
    if not content["checks"]:
        raise ZooError(f"{printable(path)} has no checks: {RERECORD}")
    return content


def _conformed(values, shapes):
    return {name: conform(values[name], shape) for name, shape in shapes.items()}


def restricted(report: Mapping[str, Any], subjects: Collection[str], groups: Collection[str]) -> dict[str, Any]:
    """Returns the part of a report about some recipes and networks, and some groups of checks."""
    return {
        **report,
        "checks": [check for check in report["checks"] if check["subject"] in subjects and check["group"] in groups],
        "runs": {name: run for name, run in report["runs"].items() if name in subjects},
    }


def compare(report: Mapping[str, Any], checks: Sequence[Check], runs: Mapping[str, Any]) -> Iterator[Check]:
    """Yields a check for each earlier check, which has to have the same result now, and the pairs of each recipe.

    What was skipped earlier may pass now. What fails now has to have failed earlier, and not to have been left out.

    The pairs come first: they name the cause, such as a gradient, of what other checks find later.

    Args:
      report: the earlier report, from `read_report`.
      checks: the checks of this environment.
      runs: its runs by recipe, see `recording.Recorder`.
    """
    for name, run in report["runs"].items():
        if name in runs:
            yield from compare_runs(name, runs[name], run)
        else:
            yield Group(name, "pairs").undecided("run", "has a run in the baseline, and none here")
    now = {(check.subject, check.group, check.name): check for check in checks}
    earlier = {(check["subject"], check["group"], check["name"]): check for check in report["checks"]}
    for key, check in earlier.items():
        group, found = Group(key[0], key[1]), now.get(key)
        if check["status"] == "skip" and (found is None or found.status in ("skip", "pass")):
            continue
        if found is None:
            yield group.undecided(key[2], f"{check['status']} in the baseline, and not run here")
        elif {found.status, check["status"]} == {"pass", "fail"}:
            said = f"{found.status} here, {check['status']} in the baseline: {found.detail}"
            yield group.check(key[2], False, f"{said}; the baseline: {check['detail']}")
        elif found.status != check["status"]:
            said = f"{found.status} here, {printable(check['status'])} in the baseline: {found.detail}"
            yield group.undecided(key[2], said)
        else:
            yield group.check(key[2], True, f"{found.status} in both")
    for key, found in now.items():
        if key not in earlier and found.status == "fail":
            yield Group(key[0], key[1]).check(key[2], False, f"fail here, not in the baseline: {found.detail}")
