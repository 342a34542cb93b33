"""Descriptions of a data set by which a run detects that its data has changed."""

from collections.abc import Mapping
from typing import Any

from zoo.data.dataset import Dataset
from zoo.errors import listed, short, shown


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Returns the properties of a data set that must not change for a run to be resumed."""
    features = {} if dataset.feature_names is None else {"features": list(dataset.feature_names)}
    return {
        "classes": list(dataset.class_names),
        **features,
        "channels": dataset.channels,
        "training images": len(dataset.train),
        "evaluation images": len(dataset.eval),
        "digest": dataset.report.digest,
        "by class": dataset.report.to_json()["examples by class"],
    }


def changed_data(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """Lists the differences of two results of `describe_data`; `then` may be of an earlier version with fewer keys."""
    lines = [
        f"{name} of the data: {_difference(now[name], then.get(name))}"
        for name in now
        if name not in ("digest", "by class") and now[name] != then.get(name)
    ]
    if "digest" not in then or then["digest"] == now["digest"]:
        return lines
    ours, theirs = (each.get("by class") or {} for each in (now, then))
    moved = [
        f"{short(name)} {_plus(ours[name])}, {_plus(theirs[name])}"
        for name in ours
        if name in theirs and ours[name] != theirs[name]
    ]
    if moved:
        rest = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
        return [*lines, f"training + evaluation examples of {'; '.join(moved[:5])}{rest}"]
    return lines or ["same number of examples per class, but the content, name or label of some differs"]


def _difference(ours, theirs):
    """Formats both values; of two lists of names, which may be long, only the names that are in one of them."""
    if not isinstance(ours, list) or not isinstance(theirs, list) or {*ours} == {*theirs}:
        return f"{shown(ours)}, {shown(theirs)}"
    added, removed = (
        listed([short(name) for name in some if name not in known])
        for some, known in ((ours, {*theirs}), (theirs, {*ours}))
    )
    return ", ".join(f"{change} {names}" for change, names in (("added", added), ("removed", removed)) if names)


def _plus(counts):
    return " + ".join(f"{count:,}" for count in counts)
