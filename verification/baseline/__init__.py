"""Comparison of two environments by two reports of the same checks, before and after an upgrade.

`read_report` reads the earlier report, `recording.Recorder` records what is paired, and `compare` pairs them.
"""

from collections.abc import Iterator, Mapping, Sequence
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
        for name, shape in SHAPES.items():
            conform(content[name], shape)
        for name, shape in ARGUMENTS.items():
            conform(content["arguments"][name], shape)
        for run in content["runs"].values():
            for name, shape in RUN_SHAPES.items():
                conform(run[name], shape)
            conform(run.get("measures", {}), Mapping[str, float])
        for check in content["checks"]:
            conform([check[name] for name in ("subject", "group", "name", "status", "detail")], list[str])
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise ZooError(f"{printable(path)} is not a report of verification, or damaged: {RERECORD}") from None
    if not content["checks"]:
        raise ZooError(f"{printable(path)} has no checks: {RERECORD}")
    return content


def compare(report: Mapping[str, Any], checks: Sequence[Check], runs: Mapping[str, Any]) -> Iterator[Check]:
    """Yields a check for each earlier check that is different now, and the paired checks of each recipe.

    Args:
      report: the earlier report, from `read_report`.
      checks: the checks of this environment.
      runs: its runs by recipe, see `recording.Recorder`.
    """
    now = {(check.subject, check.group, check.name): check for check in checks}
    earlier = {(check["subject"], check["group"], check["name"]): check for check in report["checks"]}
    for key, check in earlier.items():
        group, found = Group(key[0], key[1]), now.get(key)
        if found is None:
            yield group.undecided(key[2], f"{check['status']} in the baseline, and not run here")
        elif {found.status, check["status"]} == {"pass", "fail"}:
            said = f"{found.status} here, {check['status']} in the baseline: {found.detail}"
            yield group.check(key[2], False, f"{said}; the baseline: {check['detail']}")
    for name, run in report["runs"].items():
        if name in runs:
            yield from compare_runs(name, runs[name], run)
        else:
            yield Group(name, "pairs").undecided("run", "has a run in the baseline, and none here")
