"""Raw reference runs, JSON lines: one file a recipe and platform, one line a run. Bands and tables come from these."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.recipe import Recipe

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
    runs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [run for run in runs if run["fingerprint"] == fingerprint(recipe)]


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
