"""Fresh healthy runs, which measure how often the checks of convergence reject a good run.

A JSON-lines file per recipe and platform in this folder; a line holds `fingerprint`, `code`, `data`, `seed`,
`processor` and `measures`. The seeds are neither those of reference runs nor the default seed of verification.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from verification.convergence import measure
from verification.ledger import data_name, fingerprint
from verification.ledger.code import code_digest
from zoo.errors import DamagedFile, ZooError
from zoo.json_files import read_json_lines
from zoo.recipe import Recipe
from zoo.recipe.part import conform
from zoo.training.experiment import Experiment
from zoo.training.fit import fit
from zoo.training.run.environment import processor
from zoo.training.tracking import Tracker

FOLDER = Path(__file__).parent
FIRST_SEED = 2000


def fresh_path(recipe_name: str, platform: str) -> Path:
    """Returns the path of a recipe's fresh runs on the platform "cpu", "gpu" or "tpu"."""
    return FOLDER / f"{recipe_name}.{platform}.jsonl"


def read_fresh(recipe_name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """Returns the fresh runs of a recipe with its current fields, in the order of their seeds.

    Raises:
      DamagedFile: a line is damaged.
    """
    path = fresh_path(recipe_name, platform)
    if not path.exists():
        return []
    runs, damaged = read_json_lines(path, _is_run)
    if damaged:
        raise DamagedFile(f"{path}: {damaged} damaged lines; restore the file or record its runs again")
    current = fingerprint(recipe)
    return sorted(
        (run for run in runs if run["fingerprint"] == current), key=lambda run: (run["processor"], run["seed"])
    )


def _is_run(content):
    try:
        conform(tuple(content[name] for name in ("fingerprint", "code", "data", "processor")), tuple[str, ...])
        conform(content["seed"], int)
        conform(content["measures"], Mapping[str, float])
    except (KeyError, TypeError):
        return False
    return True


def record_fresh(
    recipe_name: str,
    experiment: Experiment,
    platform: str,
    seeds: int,
    trackers: Sequence[Tracker] = (),
    on_run: Callable[[int, int], None] = lambda done, seeds: None,
) -> None:
    """Trains with the seeds `FIRST_SEED` and up that are missing for this processor; appends each run when it ends.

    Args:
      recipe_name, experiment: the recipe to train.
      platform: of the runs.
      seeds: number of runs that this processor should have.
      trackers: of each run.
      on_run: called with the number of runs that there are, and `seeds`.

    Raises:
      ZooError: a run diverged.
    """
    recipe, machine = experiment.recipe, processor()
    known = {run["seed"] for run in read_fresh(recipe_name, recipe, platform) if run["processor"] == machine}
    same = {"fingerprint": fingerprint(recipe), "code": code_digest(recipe), "data": data_name(experiment.dataset.spec)}
    for done, seed in enumerate(range(FIRST_SEED, FIRST_SEED + seeds), 1):
        if seed in known:
            continue
        result = fit(recipe, seed=seed, trackers=trackers, experiment=experiment)
        if result.verdict.value is None:
            raise ZooError(f"the run of {recipe_name} with seed {seed} failed: {result.verdict.explanation}")
        measures = {name: float(f"{value:.7g}") for name, value in measure(result).items()}
        line = same | {"seed": seed, "processor": machine, "measures": measures}
        with fresh_path(recipe_name, platform).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        on_run(done, seeds)
