"""Ledgers of raw reference runs: a JSON-lines file per recipe and platform, a line per run.

A line holds `recipe` and its `fingerprint`, `code` (see `verification.ledger.code`), `data`, `seed`, `measures`, the
first steps' unrounded `loss` and `grad_norm` (`first`), `train_loss` and `train_top1` of every step, `evaluations`,
`images_per_second`, `environment`, `converged`, and which evaluation examples are classified correctly (`correct`, see
`verification.ledger.correct`). Lines of first steps only hold their number, `first_steps`, and neither of the last two.
Older lines lack `code`, `first` and `correct`; they count until a run with the same seed is recorded again, since the
last line of a seed is the valid one. `zoo.reference_runs` reads them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.recipe import Recipe
from zoo.reference_runs import data_name as data_name
from zoo.reference_runs import fingerprint, read_runs
from zoo.reference_runs import of_data as of_data

FOLDER = Path(__file__).parent
SEEDS, SEEDS_OF_LONG_RUNS = 16, 8


def ledger_path(recipe_name: str, platform: str) -> Path:
    """Returns the path of a recipe's ledger for the platform "cpu", "gpu" or "tpu"."""
    return FOLDER / f"{recipe_name}.{platform}.jsonl"


def read_ledger(recipe_name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """Returns the complete runs of a recipe whose fingerprint is that of its current fields."""
    return [run for run in _read(recipe_name, recipe, platform) if "first_steps" not in run]


def read_first_steps(recipe_name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """Returns the runs of first steps with the current fingerprint, and the `first_steps` of the most recent one."""
    runs = [run for run in _read(recipe_name, recipe, platform) if "first_steps" in run]
    return [run for run in runs if run["first_steps"] == runs[-1]["first_steps"]]


def _read(recipe_name, recipe, platform):
    path = ledger_path(recipe_name, platform)
    return read_runs(path, fingerprint(recipe)) if path.exists() else []


def seconds(runs: Sequence[dict[str, Any]], recipe: Recipe) -> float:
    """Returns the median training and evaluation time of runs in seconds, without data loading and compilation."""

    def of(run):
        images = len(run["train_loss"]) * recipe.budget.batch_size
        return images / run["images_per_second"] + sum(record["seconds"] for record in run["evaluations"])

    return float(np.median([of(run) for run in runs]))


def default_seeds(runs: Sequence[dict[str, Any]], recipe: Recipe) -> int:
    """Returns how many reference seeds a recipe should have: 16 if its runs take less than a minute, 8 otherwise.

    Args:
      runs: whole runs of the recipe, which tell how long one takes; with none, the answer is 1.
      recipe: of the runs.
    """
    if not runs:
        return 1
    return SEEDS if seconds(runs, recipe) < 60 else SEEDS_OF_LONG_RUNS


def append_run(recipe_name: str, platform: str, run: dict[str, Any]) -> None:
    """Appends a run to the ledger."""
    with ledger_path(recipe_name, platform).open("a", encoding="utf-8") as file:
        file.write(json.dumps(run) + "\n")
