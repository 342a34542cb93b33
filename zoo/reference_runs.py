"""Reference runs of the built-in recipes, from the ledgers in `verification/ledger/`, which are data beside zoo."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.catalog import load_recipe
from zoo.differences import differing_fields, nearest_recipe
from zoo.errors import DamagedFile
from zoo.json_files import read_json_lines
from zoo.paths import LEDGERS
from zoo.recipe import Recipe
from zoo.recipe.part import conform


class Reference(NamedTuple):
    """The reference runs to compare a run with.

    Attributes:
      recipe: name of the built-in recipe.
      runs: lines of its ledger, see `verification.ledger`; all with the same number of steps.
      differences: a line for each field in which the run's recipe differs from it; empty if it is the same.
    """

    recipe: str
    runs: tuple[dict[str, Any], ...]
    differences: tuple[str, ...]


def find_reference(recipe: Recipe, spec: str, platform: str) -> Reference | None:
    """Returns the reference runs of the built-in recipe that a recipe is, or was changed from.

    Args:
      recipe: of the run.
      spec: the name of its data set.
      platform: "cpu", "gpu" or "tpu".

    Returns:
      None if there is no built-in recipe of the same network and data, or it has no runs on that data and platform.

    Raises:
      DamagedFile: the ledger is damaged.
    """
    name = nearest_recipe(recipe)
    path = LEDGERS / f"{name}.{platform}.jsonl"
    if name is None or not path.is_file():
        return None
    built_in = load_recipe(name)
    runs = of_data(read_runs(path, fingerprint(built_in)), spec)
    runs = [run for run in runs if "train_top1" in run and len(run["train_loss"]) == len(runs[-1]["train_loss"])]
    return Reference(name, tuple(runs), tuple(differing_fields(recipe, built_in))) if runs else None


def fingerprint(recipe: Recipe) -> str:
    """Returns the fingerprint of a recipe without what does not influence training.

    That is its target, and where the weights lie that it starts from if their digest identifies them.
    """
    identified = recipe.transfer is not None and recipe.transfer.sha256 is not None
    return recipe.override({"target": None, **({"transfer.source": None} if identified else {})}).fingerprint


def read_runs(path: Path, current: str) -> list[dict[str, Any]]:
    """Returns the runs of a ledger with a recipe's fingerprint, the last one of each seed.

    Raises:
      DamagedFile: a line is damaged, and would be missing from a band.
    """
    runs, damaged = read_json_lines(path, _is_reference)
    if damaged:
        raise DamagedFile(f"{path}: {damaged} damaged lines; restore the file or record its runs again")
    valid: dict[Any, dict[str, Any]] = {}
    for run in runs:
        if run["fingerprint"] == current:
            key = (run["data"], run.get("first_steps"), run["seed"])
            valid.pop(key, None)  # so that the order is that of the valid lines
            valid[key] = run
    return list(valid.values())


def _is_reference(content):
    """Returns whether a line has the required fields, so that no damaged run is silently omitted from a band."""
    try:
        conform(tuple(content[name] for name in ("fingerprint", "data")), tuple[str, ...])
        conform(content["seed"], int)
        conform(content["measures"], Mapping[str, float])
        conform(content["train_loss"], tuple[float, ...])
        conform(content["evaluations"], tuple[Mapping[str, Any], ...])
        conform(content["images_per_second"], float)
        if "code" in content:  # older lines lack these fields
            conform(content["code"], str)
            conform(content["first"], Mapping[str, tuple[float, ...]])
            conform(content.get("correct", ""), str)
    except (KeyError, TypeError):
        return False
    return True


def data_name(spec: str) -> str:
    """Returns the name of a data set in the ledger: its spec without parent folders."""
    return re.sub(r":.*[/\\]", ":", spec.rstrip("/\\"))


def of_data(runs: Sequence[dict[str, Any]], spec: str) -> list[dict[str, Any]]:
    """Returns the runs that were made with this data set."""
    return [run for run in runs if run["data"] == data_name(spec)]
