"""Names of the changes that experiments make, and of the runs with them."""

from collections.abc import Iterable, Mapping
from typing import Any

REFERENCE = "the reference's "  # begins the name of a run with the fields of the reference
MANY = 4  # changes, from which on a run is the one with everything replaced


def named(changes: Mapping[str, Any]) -> str:
    """Returns a name for changes, such as "rate=0.1, standardize=True" or "the reference's schedule.peak=0.05"."""
    fields = changes.get("fields", {})
    others = {name: value for name, value in changes.items() if name != "fields"}
    texts = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in {**fields, **others}.items()
    ]
    return f"{REFERENCE if fields else ''}{', '.join(texts)}"


def names_of_runs(names: Iterable[str]) -> dict[str, str]:
    """Returns short names of runs by their own: "everything replaced" for the first one with many changes.

    Others of many changes are named by how they differ from that.
    """
    shown: dict[str, str] = {}
    everything: set[str] = set()
    for name in names:
        changes = name.split(", ")
        if len(changes) < MANY or name.startswith(REFERENCE):
            shown[name] = name
        elif not everything:
            everything, shown[name] = set(changes), "everything replaced"
        else:
            more = [change for change in changes if change not in everything]
            fewer = sorted(change.partition("=")[0] for change in everything.difference(changes))
            shown[name] = "everything replaced" + (f" but {' and '.join(fewer)}" if fewer else "")
            shown[name] += f", {', '.join(more)}" if more else ""
    return shown
