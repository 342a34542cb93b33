"""What every check comes to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
      subject: the network or recipe.
      group: "architecture", "initialization", "traces" or "convergence".
      name: what was looked at.
      status: "pass", "fail", "undecided" for want of reference runs, or "skip" for want of data or time.
      detail: what was expected and what was found.
    """

    subject: str
    group: str
    name: str
    status: Literal["pass", "fail", "undecided", "skip"]
    detail: str


class Group:
    """Makes the checks of one group on one subject."""

    def __init__(self, subject: str, group: str):
        self.subject, self.group = subject, group

    def check(self, name: str, passed: bool, detail: str) -> Check:
        """A check that passed or failed."""
        return Check(self.subject, self.group, name, "pass" if passed else "fail", detail)

    def skip(self, name: str, reason: str) -> Check:
        """A check that could not be made here."""
        return Check(self.subject, self.group, name, "skip", reason)

    def undecided(self, name: str, reason: str) -> Check:
        """A check that could be made, if there were something to decide it by."""
        return Check(self.subject, self.group, name, "undecided", reason)
