"""The pages of recipes: docstring, results of the reference runs, and all fields with their provenance."""

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from verification.convergence import MIN_RUNS
from verification.convergence.sequential import measure_bands, recipe_alpha
from verification.ledger import FOLDER, read_first_steps, read_ledger, seconds
from verification.publish.curves import curves_of_runs
from verification.publish.docstring import to_markdown
from verification.publish.ledgers import duration, machine_of
from verification.publish.markdown import code, escape, table
from verification.statistics import Band
from zoo.catalog import load_recipe
from zoo.paths import RECIPES
from zoo.recipe import Recipe


def page_of_recipe(name: str) -> str:
    """Returns the page of a recipe."""
    recipe, source = load_recipe(name), (RECIPES / f"{name}.py").read_text(encoding="utf-8")
    platforms = sorted(path.name.split(".")[1] for path in FOLDER.glob(f"{name}.*.jsonl"))
    results = [_results(name, recipe, platform) for platform in platforms] or [
        "There are no reference runs of this recipe. Its learning rate, decay, update rule, images and initialization"
        " are verified."
    ]
    return "\n\n".join(
        [
            f"# {name}",
            f"Trains [`{recipe.model.name}`](../networks/{recipe.model.name}.md). Defined in `recipes/{name}.py`;"
            f" fingerprint `{recipe.fingerprint}`.",
            to_markdown(_docstring(source)),
            "## Reference runs",
            *results,
            "## Fields",
            "Each can be changed, as by `--set=budget.batch_size=64`; where a value comes from is stated beside it.",
            _fields(recipe),
        ]
    )


def _docstring(source: str) -> str:
    """Returns the docstring of a recipe's file."""
    found = ast.get_docstring(ast.parse(source))
    assert found is not None, "a recipe has a docstring"
    return found


def _results(name: str, recipe: Recipe, platform: str) -> str:
    runs = read_ledger(name, recipe, platform)
    if not runs:
        return _first_steps(read_first_steps(name, recipe, platform), platform)
    bands = measure_bands([run["measures"] for run in runs], recipe_alpha(platform)) if len(runs) >= MIN_RUNS else {}
    converged = sum(run["converged"] for run in runs)
    steps = len(runs[0]["train_loss"])
    budget = f"{steps} steps" if recipe.budget.steps else f"{recipe.budget.epochs:g} epochs, {steps} steps"
    target = f"{recipe.target.metric} {recipe.target.value:g}" if recipe.target else "none"
    overview = [
        ("runs", f"{len(runs)}, of which {converged} converged"),
        ("data", code(runs[-1]["data"])),
        ("budget", f"{budget} of {recipe.budget.batch_size} examples"),
        ("target", f"{target} within {recipe.target.within_steps} steps" if _limited(recipe) else target),
        ("time of a run", duration(seconds(runs, recipe))),
        ("images a second", f"{np.median([run['images_per_second'] for run in runs]):,.0f}"),
        ("measured on", escape(f"{machine_of(runs[-1], platform)}, jax {runs[-1]['environment']['versions']['jax']}")),
    ]
    return "\n\n".join(
        [
            table(("", ""), overview),
            _picture(curves_of_runs(runs, bands.get("final top1"), recipe.target)),
            "Curves are of training, as means of a twentieth of the run, and of evaluations. A band is the prediction"
            " interval of one more run, at its share of the suite's false-alarm rate of 1 %; see"
            " [error rates](../error-rates.md).",
            table(("measure", "mean", "standard deviation", "band"), _measures(runs, bands), "lrrr"),
        ]
    )


def _limited(recipe: Recipe) -> bool:
    return recipe.target is not None and recipe.target.within_steps is not None


def _first_steps(runs: Sequence[dict[str, Any]], platform: str) -> str:
    if not runs:
        return "The reference runs in the ledger are of another version of this recipe."
    count = runs[0]["first_steps"]
    return "\n\n".join(
        [
            f"The first {count} steps were run with {len(runs)} seeds, on {code(runs[-1]['data'])}"
            f" ({escape(machine_of(runs[-1], platform))}); the whole run was not made here.",
            _picture(curves_of_runs(runs, None, None)),
            table(("measure", "mean", "standard deviation", "band"), _measures(runs, {}), "lrrr"),
        ]
    )


def _measures(runs: Sequence[dict[str, Any]], bands: dict[str, Band]) -> list[tuple[str, str, str, str]]:
    rows = []
    for measure in runs[0]["measures"]:
        values = [run["measures"][measure] for run in runs]
        band = bands.get(measure)
        spread = f"{np.std(values, ddof=1):.4f}" if len(runs) > 1 else "-"
        rows.append((measure, f"{np.mean(values):.4f}", spread, f"{band.low:.3f} to {band.high:.3f}" if band else "-"))
    return rows


def _picture(svg: str) -> str:
    return f'<div class="curves">\n{svg}\n</div>'


def _fields(recipe: Recipe) -> str:
    rows = []
    for path, value in recipe.flat().items():
        field, _, last = path.rpartition(".")
        if last != "kind":
            field = path
        elif value.lower() == field.rpartition(".")[2].replace("_", ""):  # a part that can be of one kind only
            continue
        if field and value not in (None, [], {}):
            rows.append((code(field), code(value), escape(recipe.source_of(field) or "-")))
    return table(("field", "value", "source"), rows)
