"""What the runs of a study came to, as a table for people and as numbers."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from zoo.recipe import Study
from zoo.studies.runs import Run

COLUMNS = ("variant", "accuracy", "loss", "steps to target", "diverged")


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
      variant: its name.
      runs, diverged: how many, and how many of them diverged.
      top1, loss: mean and standard deviation, over the runs that did not diverge, of the evaluation at the end; None
        where there are too few runs.
      reached: how many runs reached the target.
      steps_to_target: the mean over those; None for none.
    """

    variant: str
    runs: int
    diverged: int
    top1: tuple[float, float | None] | None
    loss: tuple[float, float | None] | None
    reached: int
    steps_to_target: float | None

    def cells(self) -> tuple[str, ...]:
        """The texts of `COLUMNS`."""
        steps = "not reached"
        if self.steps_to_target is not None:
            some = f" ({self.reached} of {self.runs})" if self.reached < self.runs else ""
            steps = f"{self.steps_to_target:.0f}{some}"
        diverged = f"{self.diverged} of {self.runs}"
        return self.variant, _spread(self.top1, 4), _spread(self.loss, 3), steps, diverged


def _spread(value, digits):
    if value is None:
        return "-"
    mean, deviation = value
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def make_rows(runs: Sequence[Run]) -> list[Row]:
    """A row for each variant, in the order of the runs."""
    by_variant = {}
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
        top1=_mean_and_deviation([run.top1 for run in finished]),
        loss=_mean_and_deviation([run.loss for run in finished]),
        reached=len(steps),
        steps_to_target=statistics.fmean(steps) if steps else None,
    )


def _mean_and_deviation(values):
    if not values:
        return None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def terminal_table(runs: Sequence[Run]) -> Table:
    """The rows for a terminal."""
    table = Table(*COLUMNS)
    for row in make_rows(runs):
        table.add_row(*map(escape, row.cells()))
    return table


def markdown(study: Study, runs: Sequence[Run], picture: str, command: str) -> str:
    """The page of a study: question, table, picture, conclusion, and on what it was measured.

    Args:
      study: what was asked.
      runs: all of its runs.
      picture: the name of the file with the curves.
      command: that makes this page again.
    """
    lines = [
        " | ".join(cells) for cells in (COLUMNS, ("---",) * len(COLUMNS), *(row.cells() for row in make_rows(runs)))
    ]
    table = "\n".join(f"| {line} |" for line in lines)
    target = study.base.target
    goal = f"{target.metric} {target.value:g}" if target else "better than always the most frequent class"
    deviation = f" ± standard deviation of {study.seeds} seeds" if study.seeds > 1 else ""
    notes = (
        f"Accuracy and loss are those on the evaluation images at the end, mean{deviation}, without diverged runs; the"
        f" target is {goal}. In the picture, lines are means and bands reach from the lowest to the highest seed."
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
