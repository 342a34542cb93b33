"""Generates the tables of README.md and of pages in docs/ from recipes, ledgers and measurements.

python -m verification.results                                  # prints the tables
python -m verification.results --write                          # updates the pages, each table between its markers
python -m verification.results --write --accelerator=FOLDER     # imports results of an accelerator first
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from absl import flags

from verification import performance
from verification.accelerator import intake
from verification.convergence import MIN_RUNS, rates
from verification.convergence.sequential import measure_bands, recipe_alpha
from verification.doctor import page as doctor
from verification.faults import page as faults
from verification.ledger import FOLDER, read_first_steps, read_ledger, seconds
from verification.parts import table_of_parts
from zoo import cli
from zoo.catalog import list_recipes, load_recipe
from zoo.doctor.report.table import table_of_causes
from zoo.errors import ZooError
from zoo.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

FLAGS = flags.FlagValues()
flags.DEFINE_bool("write", False, "Write the tables into their pages instead of printing them.", flag_values=FLAGS)
flags.DEFINE_string(
    "accelerator",
    None,
    "With --write: output folder of python -m verification.accelerator to import first.",
    flag_values=FLAGS,
)


def table_of_recipes() -> str:
    """Returns the Markdown table of recipes: a row per platform with reference runs, or one row without results."""
    lines = [
        "| recipe | network | data | target | N steps | accuracy, mean ± std (n) | band | time | images/s |"
        " measured on | status |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in list_recipes():
        recipe = load_recipe(name)
        platforms = sorted(path.name.split(".")[1] for path in FOLDER.glob(f"{name}.*.jsonl"))
        rows = [_row(name, recipe, platform) for platform in platforms] or [_row(name, recipe, None)]
        lines += rows
    return "\n".join(lines)


def _row(name: str, recipe: Recipe, platform: str | None) -> str:
    runs = read_ledger(name, recipe, platform) if platform else []
    budget, target = recipe.budget, recipe.target
    steps = (target and target.within_steps) or budget.steps or f"{budget.epochs:g} epochs"
    cells = [
        f"`{name}`",
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
            _machine(runs[-1], platform),
            "verified" if verified else "too few runs" if not band else "target too high",
        ]
    else:
        partial = read_first_steps(name, recipe, platform) if platform else []
        bundled = not recipe.data.source.startswith(("tfds:", "folder:", "csv:"))
        cells += ["-", "-", "-"]
        cells += [f"{_speed(partial):,.0f}", _machine(partial[-1], platform)] if partial else ["-", "-"]
        cells += [_first_steps(partial) if partial else "unverified" if bundled else "not run here"]
    return f"| {' | '.join(map(str, cells))} |"


def _data(recipe, runs):
    """Returns the cell of the data source, with that of the reference runs if they used another one."""
    source = recipe.data.source
    return f"`{source}`" + (f", here `{runs[-1]['data']}`" if runs and runs[-1]["data"] != source else "")


def _speed(runs):
    return np.median([run["images_per_second"] for run in runs])


def _machine(run, platform):
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


TABLES = {
    "results": table_of_recipes,
    "parts": table_of_parts,
    "performance": performance.table_of_steps,
    "reading": performance.table_of_reading,
    "start": performance.table_of_starts,
}
ACCELERATOR_TABLES = {
    "agreement": intake.table_of_agreement,
    "determinism": intake.table_of_determinism,
    "learning": intake.table_of_learning,
}
ERROR_RATE_TABLES = {
    "fresh": rates.table_of_fresh_runs,
    "left-out": rates.table_of_left_out_runs,
    "power": rates.table_of_power,
}
FAULT_TABLES = {
    "counts": faults.table_of_counts,
    "missed": faults.table_of_missed,
    "matrix": faults.table_of_trials,
    "faults": faults.table_of_faults,
}
PAGES = {
    README: TABLES,
    ROOT / "docs" / "accelerators.md": ACCELERATOR_TABLES,
    ROOT / "docs" / "error-rates.md": ERROR_RATE_TABLES,
    ROOT / "docs" / "faults.md": FAULT_TABLES,
    ROOT / "docs" / "doctor.md": {"causes": table_of_causes, "doctor": doctor.figures},
}


def with_tables(text: str, tables: Mapping[str, Callable[[], str]], page: str) -> str:
    """Returns the text of a page with each table inserted between its markers.

    Args:
      text: the text of the page.
      tables: functions that return the tables, by name.
      page: the name of the page, for errors.

    Raises:
      ZooError: a marker is missing.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, found, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise ZooError(f"missing markers {begin} and {end} in {page}")
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


def main(args: flags.FlagValues) -> int:
    """Prints or writes the tables."""
    if args.accelerator and not args.write:
        raise ZooError("--accelerator requires --write")
    if not args.write:
        print("\n\n".join(table() for tables in PAGES.values() for table in tables.values()))
        return 0
    for page in PAGES:
        if not page.is_file():
            raise ZooError(f"{page} does not exist: --write requires a source checkout")
    if args.accelerator:
        for path in intake.take_in(Path(args.accelerator)):
            print(f"added results to {path.relative_to(ROOT)}")
    for page, tables in PAGES.items():
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables, page.name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
