"""Results of a study, as numbers, as a terminal table and as a Markdown page."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from zoo.recipe import Study
from zoo.recipe.features import FeatureNormalization
from zoo.recipe.metric import METRIC_NAMES
from zoo.studies.runs import Run

DEFAULT_METRICS = ("top1", "loss")  # columns of every table, after the metric of the study
DIGITS = {"loss": 3}


@dataclass(frozen=True)
class Row:
    """The results of one variant.

    Attributes:
      variant: its name.
      runs, diverged: number of runs, and of those that diverged.
      metrics: (mean, standard deviation) of the final evaluation metrics by name, over the runs that did not diverge.
        The standard deviation is None for a single run; the pair is None if there is no run, or one without the metric.
      reached: number of runs that reached the target.
      steps_to_target: mean number of steps of those runs; None if there are none.
    """

    variant: str
    runs: int
    diverged: int
    metrics: dict[str, tuple[float, float | None] | None]
    reached: int
    steps_to_target: float | None

    def cells(self, metric: str = "top1") -> tuple[str, ...]:
        """Formats the cells of the row, in the order of `columns(metric)`."""
        steps = "not reached"
        if self.steps_to_target is not None:
            subset = f" ({self.reached} of {self.runs})" if self.reached < self.runs else ""
            steps = f"{self.steps_to_target:.0f}{subset}"
        diverged = f"{self.diverged} of {self.runs}"
        shown = (_spread(self.metrics[name], DIGITS.get(name, 4)) for name in _shown(metric))
        return self.variant, *shown, steps, diverged


def columns(metric: str = "top1") -> tuple[str, ...]:
    """Returns the column headers for a study with a metric."""
    return "variant", *(METRIC_NAMES[name] for name in _shown(metric)), "steps to target", "diverged"


def _shown(metric):
    return DEFAULT_METRICS if metric in DEFAULT_METRICS else (metric, *DEFAULT_METRICS)


def _spread(value, digits):
    if value is None:
        return "-"
    mean, std = value
    return f"{mean:.{digits}f}" + ("" if std is None else f" ± {std:.{digits}f}")


def make_rows(runs: Sequence[Run]) -> list[Row]:
    """Makes a row for each variant, in the order of the runs."""
    by_variant: dict[str, list[Run]] = {}
    for run in runs:
        by_variant.setdefault(run.variant, []).append(run)
    return [_row(variant, of_variant) for variant, of_variant in by_variant.items()]


def _row(variant, runs):
    finished = [run for run in runs if not run.diverged]
    steps = [run.reached_step for run in finished if run.reached_step is not None]
    return Row(
        variant=variant,
        runs=len(runs),
        diverged=len(runs) - len(finished),
        metrics={name: _mean_and_std([getattr(run, name) for run in finished]) for name in METRIC_NAMES},
        reached=len(steps),
        steps_to_target=statistics.fmean(steps) if steps else None,
    )


def _mean_and_std(values):
    if not values or None in values:
        return None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def terminal_table(study: Study, runs: Sequence[Run]) -> Table:
    """Formats the rows as a table for the terminal."""
    table = Table(*columns(study.metric))
    for row in make_rows(runs):
        table.add_row(*map(escape, row.cells(study.metric)))
    return table


def markdown(study: Study, runs: Sequence[Run], picture: str, command: str) -> str:
    """Formats the Markdown page of a study: description, table, plot, conclusion and environment.

    Args:
      study: the study.
      runs: all of its runs.
      picture: file name of the plot.
      command: the command that generates the page.
    """
    header, rows = columns(study.metric), (row.cells(study.metric) for row in make_rows(runs))
    lines = [" | ".join(cells) for cells in (header, ("---",) * len(header), *rows)]
    table = "\n".join(f"| {line} |" for line in lines)
    target = study.base.target
    goal = f"{target.metric} {target.value:g}" if target else "to beat the majority-class baseline"
    std = f" ± standard deviation of {study.seeds} seeds" if study.seeds > 1 else ""
    examples = "examples" if isinstance(study.base.normalization, FeatureNormalization) else "images"
    split = " evaluations are those of the validation split," if study.base.data.validation else ""
    notes = (
        f"Accuracy and loss are those on the evaluation {examples} at the end, mean{std}, without diverged runs; the"
        f" target is {goal}. In the picture,{split} lines are means and bands reach from the lowest to the highest"
        " seed."
    )
    made = f"Made by `{command}` on {'; '.join(_machines(runs))}, in {sum(run.seconds for run in runs):.0f} s."
    parts = [
        f"# {study.title}",
        study.description.strip(),
        table,
        f"![Curves]({picture})",
        study.conclusion,
        notes,
        made,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _machines(runs):
    """Returns a description of each machine and set of versions that the runs used."""

    def describe(environment):
        versions = environment["versions"]
        return (
            f"{environment['processor']}, {environment['cores']} cores, {environment['devices']} x"
            f" {environment['device']}, jax {versions['jax']}, zoo {versions['zoo'] or 'of a checkout'}"
        )

    return sorted({describe(run.environment) for run in runs})
