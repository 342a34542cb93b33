"""Names of classes that people take for one."""

import unicodedata
from collections.abc import Iterable


def plain(name: str) -> str:
    """The same for names that differ in case, in blanks around them or in how letters are encoded, only."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def but_alike(name: str, others: Iterable[str]) -> str:
    """A part of an error about a name that is not among others: which of them people would take for it, if there is one."""
    alike = next((other for other in others if plain(other) == plain(name)), None)
    if alike is None:
        return ""
    return f" (where {alike!a} is, which differs in case, in blanks or in how letters are encoded, only)"
