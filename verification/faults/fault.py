"""The `Fault` type: a mistake that can be injected, at several strengths, and the recipes that it applies to."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError, unknown
from zoo.recipe import Recipe

Strength = float | str | None


@dataclass(frozen=True)
class Fault:
    """A mistake that verification must find.

    Attributes:
      name: of the flag `--fault=NAME`.
      mistake: what is wrong, in a sentence.
      make: returns the context manager that makes the mistake; called with the strength if there are strengths.
      strengths: factors, sizes, or the names of variants, the strongest first; empty for a mistake without.
      matters: the strength that verification is measured by, and the default.
      applies: whether the mistake changes runs of a recipe at all.
      bases: names of the recipes that it is tried on; empty for those of `verification.faults.bases.BASES` that are
        cheapest among the ones it applies to.
      devices: number of devices with which it changes anything; verification offers two.
    """

    name: str
    mistake: str
    make: Callable[..., AbstractContextManager]
    strengths: tuple[Strength, ...] = ()
    matters: Strength = None
    applies: Callable[[Recipe], bool] = lambda recipe: True
    bases: tuple[str, ...] = ()
    devices: int = 1

    @property
    def subject(self) -> str:
        """What part of training is wrong: the name of the file that defines the fault."""
        return self.make.__module__.rpartition(".")[2]

    def inject(self, strength: Strength = None) -> AbstractContextManager:
        """Returns a context manager in which the mistake is made; `strength` defaults to the one that matters."""
        if not self.strengths:
            return self.make()
        return self.make(self.matters if strength is None else strength)

    def variants(self) -> Sequence[Strength]:
        """Returns the strengths to try: (None,) for a mistake without."""
        return self.strengths or (None,)


def fault(
    mistake: str, *, strengths: tuple[Strength, ...] = (), matters: Strength = None, **options: Any
) -> Callable[[Callable[..., AbstractContextManager]], Fault]:
    """Makes a `Fault` of the decorated function, which has its name; see `Fault` for the options.

    `matters` defaults to the first strength.
    """
    if strengths and matters is None:
        matters = strengths[0]

    def decorate(make):
        return Fault(make.__name__, mistake, make, strengths, matters, **options)

    return decorate


def label(strength: Strength) -> str:
    """Returns a strength as it is written in flags and tables, such as "0.9" or "first"; "" for none."""
    return "" if strength is None else f"{strength:g}" if isinstance(strength, float | int) else strength


def parse(text: str, faults: dict[str, Fault]) -> tuple[Fault, Strength]:
    """Parses "NAME" or "NAME:STRENGTH", with a number that is not among the fault's strengths if these are numbers.

    Raises:
      ZooError: there is no such fault or strength.
    """
    name, _, given = text.partition(":")
    if name not in faults:
        raise unknown("fault", name, faults)
    found = faults[name]
    if not given:
        return found, found.matters
    for strength in found.strengths:
        if label(strength) == given:
            return found, strength
    with contextlib.suppress(ValueError):
        if any(isinstance(strength, float) for strength in found.strengths):
            return found, float(given)
    if not found.strengths:
        raise ZooError(f"--fault={text}: {name} has no strengths; use --fault={name}")
    raise unknown(f"strength of {name}", given, [label(strength) for strength in found.strengths])
