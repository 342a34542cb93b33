"""What a report shows, read from the folder of a run."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import DamagedFile
from zoo.recipe import Recipe
from zoo.recipe.part import conform
from zoo.reference_runs import Reference, find_reference
from zoo.training.run.files import RunFiles
from zoo.training.run.mistakes import MOST
from zoo.training.run.verdict import Verdict

# Files that the report links to, with what they are.
LINKED = {
    "curves.png": "learning curves",
    "confusion.png": "confusion matrix",
    "doctor/report.html": "diagnosis",
    "verdict.json": "verdict",
    "metrics.jsonl": "every step and evaluation",
    "by_class.json": "results by class",
    "mistakes.json": "mistakes",
    "recipe.json": "recipe",
    "data.json": "data",
    "environment.json": "environment",
}
PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/]+=*")
MOST_PICTURE = 30_000  # characters of a thumbnail
MISTAKE = {
    "name": str,
    "class": str,
    "predicted": str,
    "loss": float | str,  # text if it is not finite
    "probability": float | str,
    "probability of class": float | str,
}


@dataclass(frozen=True)
class Contents:
    """The contents of a run folder, as far as the run went.

    Attributes:
      path: of the folder.
      recipe, seed: of the run.
      spec: the name of its data set.
      examples: the word for examples, "images" or "examples".
      history: records, see `zoo.training.tracking.Tracker`.
      verdict: None before the end of the run.
      by_class: see `RunFiles.read_named_classes`.
      mistakes: content of `mistakes.json`, without entries that are damaged; {} before the final evaluation.
      data, environment: content of these files.
      reference: the runs to compare with; None if there are none.
      files: those of `LINKED` that exist.
    """

    path: Path
    recipe: Recipe
    seed: int
    spec: str
    examples: str
    history: list[dict[str, Any]]
    verdict: Verdict | None
    by_class: Mapping[str, Any]
    mistakes: Mapping[str, Any]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    reference: Reference | None
    files: tuple[str, ...]

    @property
    def steps(self) -> int:
        """The number of steps that are recorded."""
        return max((record["step"] for record in self.history), default=0)

    @property
    def final(self) -> Mapping[str, Any] | None:
        """The record of the last evaluation of a run that ended without diverging; None otherwise."""
        evaluations = [record for record in self.history if record["kind"] == "eval"]
        return evaluations[-1] if evaluations and self.verdict and self.verdict.value is not None else None


def read_contents(folder: RunFiles) -> Contents:
    """Reads the folder of a run, which may still be training; damaged files are reported to the folder's `on_damaged`.

    Raises:
      ZooError: the folder is not that of a run, or the file that identifies it is damaged.
    """
    identity = folder.read_identity()
    recipe = Recipe.from_json(identity["recipe"])
    data, environment = folder.read_remarks("data.json"), folder.read_remarks("environment.json")
    spec = str(data.get("source", recipe.data.source))
    try:
        reference = find_reference(recipe, spec, str(environment.get("platform", "cpu")))
    except DamagedFile:  # someone else's ledger; the report of this run does not depend on it
        reference = None
    return Contents(
        folder.path,
        recipe,
        identity["seed"],
        spec,
        "examples" if identity["data"].get("features") else "images",
        folder.read_history(2**31),
        folder.read_verdict(),
        folder.read_named_classes(),
        _mistakes(folder.read_remarks("mistakes.json")),
        data,
        environment,
        reference,
        tuple(name for name in LINKED if (folder.path / name).is_file()),
    )


def _mistakes(content):
    """Returns the content of `mistakes.json` without damaged entries; {} if there are no numbers."""
    if not all(isinstance(content.get(name), int) for name in ("examples", "mistakes")):
        return {}
    lists = {kind: content.get(kind) for kind in ("worst", "confident")}
    return {
        **{name: content[name] for name in ("examples", "mistakes")},
        **{
            kind: [each for each in found[:MOST] if _is_mistake(each)] if isinstance(found, list) else []
            for kind, found in lists.items()
        },
    }


def _is_mistake(entry):
    try:
        for name, kind in MISTAKE.items():
            conform(entry[name], kind)
        conform(entry.get("picture", ""), str)
        conform(entry.get("values", {}), Mapping[str, float | str | None])
    except (KeyError, TypeError):
        return False
    picture = entry.get("picture")
    return picture is None or (len(picture) <= MOST_PICTURE and PICTURE.fullmatch(picture) is not None)


def is_finite(value: Any) -> bool:
    """Returns whether a value is a number that is finite."""
    return isinstance(value, int | float) and math.isfinite(value)
