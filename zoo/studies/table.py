"""What the runs of a study came to, as a table for people and as numbers."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from zoo.recipe import Study
from zoo.recipe.features import FeatureNormalization
from zoo.recipe.metric import METRIC_NAMES
from zoo.studies.runs import Run

ALWAYS = ("top1", "loss")  # the metrics of every table; that of the study comes first
DIGITS = {"loss": 3}


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
      variant: its name.
      runs, diverged: how many, and how many of them diverged.
      metrics: mean and standard deviation by name, over the runs that did not diverge, of the evaluation at the end; None
        where there are too few runs, or runs without this metric.
      reached: how many runs reached the target.
      steps_to_target: the mean over those; None for none.
    """

    variant: str
    runs: int
    diverged: int
    metrics: dict[str, tuple[float, float | None] | None]
    reached: int
    steps_to_target: float | None

    def cells(self, metric: str = "top1") -> tuple[str, ...]:
        """The texts below `columns(metric)`."""
        steps = "not reached"
        if self.steps_to_target is not None:
            some = f" ({self.reached} of {self.runs})" if self.reached < self.runs else ""
            steps = f"{self.steps_to_target:.0f}{some}"
        diverged = f"{self.diverged} of {self.runs}"
        shown = (_spread(self.metrics[name], DIGITS.get(name, 4)) for name in _shown(metric))
        return self.variant, *shown, steps, diverged


def columns(metric: str = "top1") -> tuple[str, ...]:
    """The names of the columns of a study that looks at a metric."""
    return "variant", *(METRIC_NAMES[name] for name in _shown(metric)), "steps to target", "diverged"


def _shown(metric):
    return ALWAYS if metric in ALWAYS else (metric, *ALWAYS)


def _spread(value, digits):
    if value is None:
        return "-"
    mean, deviation = value
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def make_rows(runs: Sequence[Run]) -> list[Row]:
    """A row for each variant, in the order of the runs."""
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
        metrics={name: _mean_and_deviation([getattr(run, name) for run in finished]) for name in METRIC_NAMES},
        reached=len(steps),
        steps_to_target=statistics.fmean(steps) if steps else None,
    )


def _mean_and_deviation(values):
    if not values or None in values:
        return None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def terminal_table(study: Study, runs: Sequence[Run]) -> Table:
    """The rows for a terminal."""
    table = Table(*columns(study.metric))
    for row in make_rows(runs):
        table.add_row(*map(escape, row.cells(study.metric)))
    return table


def markdown(study: Study, runs: Sequence[Run], picture: str, command: str) -> str:
    """The page of a study: question, table, picture, conclusion, and on what it was measured.

    Args:
      study: what was asked.
      runs: all of its runs.
      picture: the name of the file with the curves.
      command: that makes this page again.
    """
    header, rows = columns(study.metric), (row.cells(study.metric) for row in make_rows(runs))
    lines = [" | ".join(cells) for cells in (header, ("---",) * len(header), *rows)]
    table = "\n".join(f"| {line} |" for line in lines)
    target = study.base.target
    goal = f"{target.metric} {target.value:g}" if target else "better than always the most frequent class"
    deviation = f" ± standard deviation of {study.seeds} seeds" if study.seeds > 1 else ""
    examples = "examples" if isinstance(study.base.normalization, FeatureNormalization) else "images"
    watched = " evaluations are those of the validation split," if study.base.data.validation else ""
    notes = (
        f"Accuracy and loss are those on the evaluation {examples} at the end, mean{deviation}, without diverged runs; the"
        f" target is {goal}. In the picture,{watched} lines are means and bands reach from the lowest to the highest seed."
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
    """Each machine and set of versions on which runs were made."""
    machines = {
        f"{run.environment['processor']}, {run.environment['cores']} cores, {run.environment['devices']} x"
        f" {run.environment['device']}, jax {run.environment['versions']['jax']}, zoo {run.environment['versions']['zoo'] or 'of a checkout'}"
        for run in runs
    }
    return sorted(machines)
