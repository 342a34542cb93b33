"""Terminal output of a running comparison."""

from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from zoo.errors import printable
from zoo.recipe import Study
from zoo.studies.runs import Run
from zoo.training.experiment import Experiment
from zoo.training.tracking import Tracker


class Progress:
    """Progress bars for the comparison and for the current run, and a line for each finished run."""

    def __init__(self, console: Console, study: Study) -> None:
        self.console = console
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.runs = self.bars.add_task("runs", total=len(study.variants) * study.seeds)
        self.steps = self.bars.add_task("steps", total=None, visible=False)
        self.trained = False  # whether the current run was trained by this process

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bars.stop()

    def begin(self, variant: str, seed: int) -> Tracker:
        """Shows the start of a run, and returns its tracker."""
        self.trained = True
        return _Steps(self.bars, self.steps, f"{escape(printable(variant))}, seed {seed}")

    def done(self, run: Run) -> None:
        """Shows a run that is finished, now or before."""
        seconds = f"{run.seconds:.0f} s" if self.trained else "done before"
        self.trained = False
        self.bars.update(self.steps, visible=False)
        self.bars.advance(self.runs)
        self.console.print(
            printable(f"{run.variant}, seed {run.seed}: {run.explanation} ({seconds})"), markup=False, soft_wrap=True
        )


class _Steps(Tracker):
    def __init__(self, bars: Bars, task: TaskID, name: str) -> None:
        self.bars, self.task, self.name = bars, task, name

    def begin(self, experiment: Experiment, first_step: int) -> None:
        self.bars.reset(self.task, total=experiment.total_steps, description=self.name, visible=True)

    def train(self, record: dict[str, Any]) -> None:
        self.bars.update(self.task, completed=record["step"])
