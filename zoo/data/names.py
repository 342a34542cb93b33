"""Class names that look the same although their strings differ."""

import unicodedata
from collections.abc import Iterable


def plain(name: str) -> str:
    """Normalizes a name: equal for names that differ only in case, surrounding whitespace or Unicode encoding."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def similar_name_hint(name: str, others: Iterable[str]) -> str:
    """Returns the part of an error message that names a similar name among `others`, or ""."""
    alike = next((other for other in others if plain(other) == plain(name)), None)
    if alike is None:
        return ""
    return f" (similar: {alike!a}, which differs only in case, whitespace or Unicode encoding)"
