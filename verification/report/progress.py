"""A progress bar for the training runs of verification."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zoo.training.tracking import Tracker


class Bar(Tracker):
    """Shows the progress of a run; does nothing if the output is not a terminal."""

    def __init__(self, console: Console):
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self):
        self.bars.start()
        return self

    def __exit__(self, *_):
        self.bars.stop()

    def begin(self, experiment, first_step):
        self.training = self.bars.add_task("training", total=experiment.total_steps, completed=first_step)
        self.evaluating = self.bars.add_task("evaluating", visible=False)

    def train(self, record):
        self.bars.update(self.training, completed=record["step"])

    def progress(self, what, done, total):
        if what == "evaluating":
            self.bars.update(self.evaluating, completed=done, total=total, visible=done < total)

    def close(self):
        for task in self.bars.task_ids:
            self.bars.remove_task(task)
