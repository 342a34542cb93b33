"""The verdict on checks as a whole."""

import collections
from collections.abc import Sequence

from verification.check import Check

STATUSES = ("pass", "fail", "undecided", "skip")


def exit_status(checks: Sequence[Check]) -> int:
    """Returns 1 if a check failed, else 3 if one is undecided, else 0."""
    statuses = {check.status for check in checks}
    return 1 if "fail" in statuses else 3 if "undecided" in statuses else 0


def summary(checks: Sequence[Check]) -> str:
    """Returns the number of checks with each status, as text."""
    counts = collections.Counter(check.status for check in checks)
    return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
