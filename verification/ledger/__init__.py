"""Raw reference runs, JSON lines: one file a recipe and platform, one line a run. Bands and tables come from these."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DamagedFile
from zoo.json_files import read_json_lines
from zoo.recipe import Recipe
from zoo.recipe.part import conform

FOLDER = Path(__file__).parent


def ledger_path(recipe_name: str, platform: str) -> Path:
    """The file of a recipe's runs on "cpu", "gpu" or "tpu"."""
    return FOLDER / f"{recipe_name}.{platform}.jsonl"


def fingerprint(recipe: Recipe) -> str:
    """Of all that decides how a run goes: everything but the target."""
    return recipe.override({"target": None}).fingerprint


def read_ledger(recipe_name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """The runs of a recipe as it is now; those of other values of its fields do not count."""
    return [run for run in _read(recipe_name, recipe, platform) if "first_steps" not in run]


def read_first_steps(recipe_name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """The same for beginnings of runs, of as many `first_steps` as the newest of them has."""
    runs = [run for run in _read(recipe_name, recipe, platform) if "first_steps" in run]
    return [run for run in runs if run["first_steps"] == runs[-1]["first_steps"]]


def _read(recipe_name, recipe, platform):
    path = ledger_path(recipe_name, platform)
    if not path.exists():
        return []
    runs, damaged = read_json_lines(path, _is_reference)
    if damaged:
        raise DamagedFile(f"{path} is damaged in {damaged} of its lines: restore it, or record its runs again")
    return [run for run in runs if run["fingerprint"] == fingerprint(recipe)]


def _is_reference(content):
    """Whether a line has what every reference run has, so that none is left out of a band in silence."""
    try:
        conform(tuple(content[name] for name in ("fingerprint", "data")), tuple[str, ...])
        conform(content["seed"], int)
        conform(content["measures"], Mapping[str, float])
        conform(content["train_loss"], tuple[float, ...])
        conform(content["evaluations"], tuple[Mapping[str, Any], ...])
        conform(content["images_per_second"], float)
    except (KeyError, TypeError):
        return False
    return True


def data_name(spec: str) -> str:
    """What the ledger calls a data set: without the folders of whoever has it."""
    return re.sub(r":.*[/\\]", ":", spec.rstrip("/\\"))


def of_data(runs: Sequence[dict[str, Any]], spec: str) -> list[dict[str, Any]]:
    """Those of some runs that were made with this data set: what they came to says nothing about others."""
    return [run for run in runs if run["data"] == data_name(spec)]


def seconds(runs: Sequence[dict[str, Any]], recipe: Recipe) -> float:
    """How long a run trains and evaluates, without reading and compiling: the median of some runs of a recipe."""

    def of(run):
        images = len(run["train_loss"]) * recipe.budget.batch_size
        return images / run["images_per_second"] + sum(record["seconds"] for record in run["evaluations"])

    return float(np.median([of(run) for run in runs]))


def append_run(recipe_name: str, platform: str, run: dict[str, Any]) -> None:
    """Adds a run."""
    with ledger_path(recipe_name, platform).open("a", encoding="utf-8") as file:
        file.write(json.dumps(run) + "\n")
