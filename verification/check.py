"""The result of a check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
      subject: name of the network or recipe.
      group: name of the group of checks, such as "architecture"; see `verification.suite.GROUPS`.
      name: name of the check within its group.
      status: "pass"; "fail"; "undecided", without enough reference runs; or "skip", without the data or the time.
      detail: expected and found values, or the reason for skipping.
      figures: the numbers that decide, as far as the check states them: `value`, the bounds `low` and `high`, `n`
        reference values, `alpha` (false-alarm rate); None for a check without any.
    """

    subject: str
    group: str
    name: str
    status: Literal["pass", "fail", "undecided", "skip"]
    detail: str
    figures: Mapping[str, float] | None = None


class NoClosedForm(Exception):
    """There is no closed form of a part of a recipe, such as a loss of the user's own."""


class Group:
    """Creates the checks of one group for one subject."""

    def __init__(self, subject: str, group: str):
        self.subject, self.group = subject, group

    def check(self, name: str, passed: bool, detail: str, figures: Mapping[str, float] | None = None) -> Check:
        """Returns a check that passed or failed."""
        return Check(self.subject, self.group, name, "pass" if passed else "fail", detail, figures)

    def skip(self, name: str, reason: str) -> Check:
        """Returns a check that was skipped, with the reason."""
        return Check(self.subject, self.group, name, "skip", reason)

    def undecided(self, name: str, reason: str) -> Check:
        """Returns a check that lacks reference values to decide it."""
        return Check(self.subject, self.group, name, "undecided", reason)
