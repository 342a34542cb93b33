"""Terminal output of a training run: progress bars in a terminal, plain lines in a log file."""

import os
from collections.abc import Sequence
from typing import Any

import jax
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from zoo.console import Column, fits, print_table
from zoo.errors import printable
from zoo.inspect.summary import summarize
from zoo.training.experiment import Experiment
from zoo.training.run.environment import processor
from zoo.training.run.verdict import Verdict
from zoo.training.tracking import Tracker

LARGE = 1e5  # loss, from which decimals say nothing
MOST_COLUMNS = 12  # classes of a confusion matrix that is printed


class Terminal(Tracker):
    """Tracker that prints a summary of the run, a progress bar with current metrics, evaluations and the verdict."""

    def __init__(self, console: Console, recipe: str, workdir: str | None) -> None:
        """Starts the display.

        Args:
          console: prints the output.
          recipe: the recipe's name.
          workdir: the run's folder; None if the run is not saved.
        """
        self.console, self.recipe, self.workdir = console, recipe, workdir
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}/{task.total} {task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[str, Any] = {}
        self.bars.start()

    def begin(self, experiment: Experiment, first_step: int) -> None:
        self._forget(lambda what: True)
        self.console.print(describe(experiment, self.recipe, self.workdir, first_step))
        self.tasks["training"] = self.bars.add_task(
            "training", total=experiment.total_steps, completed=first_step, numbers=""
        )
        self.total_steps, self.examples = experiment.total_steps, experiment.dataset.examples

    def progress(self, what: str, done: int, total: int) -> None:
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total, numbers="")
        self.bars.update(self.tasks[what], completed=done)
        if done >= total:
            self._forget(lambda name: name == what)

    def train(self, record: dict[str, Any]) -> None:
        numbers = f"loss {_number(record['loss'])}  accuracy {record['top1']:.2f}  rate {record['learning_rate']:.2g}"
        if "images_per_second" in record:
            numbers += f"  {record['images_per_second']:,.0f} images/s"
        self.bars.update(self.tasks["training"], completed=record["step"], numbers=numbers)

    def evaluation(self, record: dict[str, Any]) -> None:
        split = {"eval": "evaluation"}.get(record["kind"], record["kind"])
        self.console.print(
            f"step {record['step']:>{len(str(self.total_steps))}}: {split} loss {_number(record['loss'])},"
            f" accuracy {record['top1']:.4f} on {record['examples']:,} {self.examples}"
        )

    def note(self, text: str) -> None:
        self.console.print(f"[yellow]note:[/yellow] {escape(printable(text))}", soft_wrap=True)

    def end(self, verdict: Verdict) -> None:
        self.bars.stop()
        color = "green" if verdict.converged else "red"
        self.console.print(f"[bold {color}]{escape(printable(verdict.explanation))}[/]", soft_wrap=True)

    def close(self) -> None:
        self.bars.stop()

    def _forget(self, which):
        for what in [what for what in self.tasks if which(what)]:
            self.bars.remove_task(self.tasks.pop(what))


def _number(loss):
    """Returns a loss with four decimals, or with four digits if it is large."""
    return f"{loss:.4f}" if abs(loss) < LARGE else f"{loss:.4g}"


def describe(experiment: Experiment, recipe: str, workdir: str | None, first_step: int) -> Table:
    """Returns a table that summarizes a run before its first step."""
    budget, dataset = experiment.recipe.budget, experiment.dataset
    summary = summarize(experiment.model, experiment.input_shape)
    devices = experiment.mesh.devices.flat
    target = experiment.recipe.target
    train, test = experiment.train_pipeline.epoch, len(experiment.eval_pipeline.split)
    held_out = f"; {len(experiment.validation_pipeline.split):,} held out" if experiment.validation_pipeline else ""
    pixels, seen = (
        " x ".join(map(str, shape)) for shape in (experiment.train_pipeline.image_shape, experiment.input_shape)
    )
    size = f"{pixels} pixels, network input {seen}" if dataset.feature_names is None else f"{dataset.channels} features"
    goal = (
        f"{target.metric} {target.value:g} on the evaluation {dataset.examples}"
        if target
        else "beat the majority-class baseline"
    )
    steps = (target and target.within_steps) or experiment.total_steps
    dtype = experiment.model.dtype
    rows = {
        "recipe": f"{recipe} ({experiment.recipe.fingerprint})",
        "model": f"{type(experiment.model).__name__}: {summary.params:,} parameters, {summary.macs:,} multiply-adds an"
        f" image, {getattr(dtype, '__name__', dtype)}",
        **({"start": _start(experiment)} if experiment.start else {}),
        "data": [
            f"{dataset.spec}: {train:,} training and {test:,} evaluation {dataset.examples},"
            f" {len(dataset.class_names)} classes{held_out}{_undecodable(experiment)}",
            *dataset.report.lines()[1:],
        ],
        "input": size,
        "budget": f"{experiment.total_steps:,} steps of {budget.batch_size} {dataset.examples},"
        f" {experiment.total_steps * budget.batch_size / train:.2f} epochs",
        "target": f"{goal} within {steps:,} steps",
        "device": f"{len(devices)} x {devices[0].device_kind}, {processor()} with {os.cpu_count()} cores,"
        f" jax {jax.__version__}",
        "run": (workdir or "not saved") + (f", resuming at step {first_step}" if first_step else ""),
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        first, *others = [value] if isinstance(value, str) else value
        table.add_row(f"[bold]{name}[/]", escape(printable(first)))
        for line in others:
            table.add_row("", escape(printable(line)))
    return table


def print_classes(
    console: Console,
    class_names: Sequence[str],
    recall: Sequence[float | None],
    confusion: Sequence[Sequence[int]] | None,
) -> None:
    """Prints a table of the recall of each class and the predictions for its examples.

    Args:
      console: prints it.
      class_names: the names of the K classes.
      recall: the recall of each class [K]; None for classes without examples.
      confusion: the confusion matrix [K, K], in rows of the true class. All of it is printed for up to 12 classes, if
        it fits into the width of the console, else the three most frequent wrong predictions of each class.
    """
    names = [printable(name) for name in class_names]
    fractions = ["-" if fraction is None else f"{fraction:.4f}" for fraction in recall]
    columns = [Column("class", names), Column("recall", fractions, numeric=True)]
    if confusion is not None:
        counts = [[f"{count:,}" if count else "." for count in row] for row in confusion]
        matrix = [Column(name, [row[place] for row in counts], numeric=True) for place, name in enumerate(names)]
        if len(names) <= MOST_COLUMNS and fits(console, [*columns, *matrix]):
            columns += matrix
        else:
            mistakes = [_commonest(row, label, names) for label, row in enumerate(confusion)]
            columns.append(Column("predicted as", mistakes, wraps=True))
    print_table(console, columns)


def _commonest(row, label, names):
    """Returns the most frequent wrong predictions for a class, with their numbers."""
    mistakes = [(count, other) for other, count in enumerate(row) if count and other != label]
    commonest = sorted(mistakes, key=lambda mistake: (-mistake[0], mistake[1]))[:3]
    return ", ".join(f"{names[other]} {count:,}" for count, other in commonest)


def _undecodable(experiment):
    """Returns a note with the number of undecodable images, which the class counts include; "" if there are none."""
    dataset, train, test = experiment.dataset, experiment.train_pipeline, experiment.eval_pipeline
    if train.examples is not None or not (train.resident and test.resident):  # resampled, or not decoded yet
        return ""
    missing = len(dataset.train) + len(dataset.eval) - len(train.split) - len(test.split)
    return f"; {missing:,} cannot be decoded" if missing > 0 else ""


def _start(experiment):
    """Returns a description of the weights that a run starts from."""
    start = experiment.start
    taken = sum(path[0] == "params" for path in start.variables)
    return (
        f"{experiment.recipe.transfer.source}: {taken} parameters, {len(experiment.frozen)} of them frozen;"
        f" reinitialized: {', '.join(start.drawn) or 'none'}"
    )
