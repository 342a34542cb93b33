"""The table of recipes: what their reference runs reached, and how long they took."""

from collections.abc import Callable
from typing import Any

import numpy as np

from verification.convergence import MIN_RUNS
from verification.convergence.sequential import measure_bands, recipe_alpha
from verification.ledger import FOLDER, read_first_steps, read_ledger, seconds
from verification.publish.markdown import code
from zoo.catalog import list_recipes, load_recipe
from zoo.recipe import Recipe


def table_of_recipes(link: Callable[[str], str] = code) -> str:
    """Returns the Markdown table of recipes: a row per platform with reference runs, or one row without results.

    Args:
      link: makes the cell of a recipe's name.
    """
    lines = [
        "| recipe | network | data | target | N steps | accuracy, mean ± std (n) | band | time | images/s |"
        " measured on | status |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in list_recipes():
        recipe = load_recipe(name)
        platforms = sorted(path.name.split(".")[1] for path in FOLDER.glob(f"{name}.*.jsonl"))
        rows = [_row(name, recipe, platform, link) for platform in platforms] or [_row(name, recipe, None, link)]
        lines += rows
    return "\n".join(lines)


def _row(name: str, recipe: Recipe, platform: str | None, link: Callable[[str], str]) -> str:
    runs = read_ledger(name, recipe, platform) if platform else []
    budget, target = recipe.budget, recipe.target
    steps = (target and target.within_steps) or budget.steps or f"{budget.epochs:g} epochs"
    cells = [
        link(name),
        f"`{recipe.model.name}`",
        _data(recipe, runs or (read_first_steps(name, recipe, platform) if platform else [])),
        f"{target.metric} {target.value:g}" if target else "-",
        steps,
    ]
    if runs:
        accuracies = [run["measures"]["final top1"] for run in runs]
        band = None
        if len(runs) >= MIN_RUNS:
            band = measure_bands([run["measures"] for run in runs], recipe_alpha(platform))["final top1"]
        verified = all(run["converged"] for run in runs) and band and band.low >= target.value
        cells += [
            f"{np.mean(accuracies):.4f} ± {np.std(accuracies, ddof=1):.4f} ({len(runs)})"
            if len(runs) > 1
            else accuracies[0],
            f"{band.low:.3f} to {band.high:.3f}" if band else "-",
            duration(seconds(runs, recipe)),
            f"{_speed(runs):,.0f}",
            machine_of(runs[-1], platform),
            "verified" if verified else "too few runs" if not band else "target too high",
        ]
    else:
        partial = read_first_steps(name, recipe, platform) if platform else []
        bundled = not recipe.data.source.startswith(("tfds:", "folder:", "csv:"))
        cells += ["-", "-", "-"]
        cells += [f"{_speed(partial):,.0f}", machine_of(partial[-1], platform)] if partial else ["-", "-"]
        cells += [_first_steps(partial) if partial else "unverified" if bundled else "not run here"]
    return f"| {' | '.join(map(str, cells))} |"


def _data(recipe, runs):
    """Returns the cell of the data source, with that of the reference runs if they used another one."""
    source = recipe.data.source
    return f"`{source}`" + (f", here `{runs[-1]['data']}`" if runs and runs[-1]["data"] != source else "")


def _speed(runs):
    return np.median([run["images_per_second"] for run in runs])


def machine_of(run: dict[str, Any], platform: str) -> str:
    """Returns processor and cores of the machine of a run, or its accelerator."""
    machine = run["environment"]
    if platform != "cpu":
        return machine["device"]
    return f"{machine['processor']}, {machine['cores']} core{'s' if machine['cores'] > 1 else ''}"


def _first_steps(runs):
    """Returns the cell for runs of first steps only: the mean loss of their first and last parts."""
    first, *_, last = (np.mean(values) for values in zip(*(run["measures"].values() for run in runs), strict=True))
    return f"first {runs[0]['first_steps']} steps: loss {first:.2f} to {last:.2f} ({len(runs)})"


def duration(seconds: float) -> str:
    """Formats a time in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
