"""`zoo.fit`: training, for the command line, notebooks and verification."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.experimental import multihost_utils

from zoo import parallel
from zoo.data.dataset import Dataset
from zoo.data.normalization import Statistics
from zoo.data.sources import open_data
from zoo.errors import DamagedFile, ZooError, printable, shown
from zoo.recipe import Recipe, ReduceOnPlateau
from zoo.training.experiment import Experiment
from zoo.training.interruption import SkippedImages, disk_errors_as_zoo_errors, stop_on_signals
from zoo.training.loop import Loop
from zoo.training.notebook import Notebook, in_notebook
from zoo.training.prepare import prepare
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.confusion import draw_confusion
from zoo.training.run.curves import draw_curves
from zoo.training.run.folder import RunFolder
from zoo.training.run.report import write_report
from zoo.training.run.verdict import Verdict
from zoo.training.tracking import ByClass, History, JSONLines, Mistakes, TensorBoard, Tracker, Trackers


@dataclass(frozen=True)
class FitResult:
    """The result of a training run.

    Attributes:
      verdict: whether the run converged.
      metrics: of the final evaluation, see `evaluate_pipeline`; empty if the run diverged.
      history: all records, dictionaries with `kind` ("train", "validation" or "eval") and `step`.
      variables: final {"params": ..., "batch_stats": ...}; the moving average, or those of the best evaluation, if the
        recipe has weight averaging or early stopping.
      statistics: of the training images.
      recipe: the recipe of the run.
      class_names: logit i is for the class `class_names[i]`.
      feature_names: names of the columns of a table; None for images.
      model: the custom network; None if the recipe's was used.
      dataset: the custom data; None if the recipe's was used.
    """

    verdict: Verdict
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    variables: dict[str, Any]
    statistics: Statistics
    recipe: Recipe
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None = None
    model: nn.Module | None = None
    dataset: Dataset | None = None


def fit(
    recipe: Recipe,
    workdir: str | Path | None = None,
    seed: int = 0,
    *,
    dataset: Dataset | None = None,
    model: nn.Module | None = None,
    devices: Sequence[jax.Device] | None = None,
    strategy: str = "shard_map",
    workers: int = 0,
    steps_per_execution: int = 1,
    trackers: Sequence[Tracker] | None = None,
    experiment: Experiment | None = None,
) -> FitResult:
    """Trains a network as specified by a recipe, and reports whether it converged.

    Args:
      recipe: the recipe to train.
      workdir: the run folder, created if it does not exist. An interrupted run resumes from its last checkpoint; on the
        same CPU, the result is bit-identical to that of an uninterrupted run. None saves nothing.
      seed: from 0 to 2^32 - 1; determines all random numbers.
      dataset: custom data instead of the recipe's.
      model: a custom network instead of the recipe's, with as many logits as the data has classes.
      devices: devices to train on; None for all.
      strategy: "shard_map" or "pmap", see `zoo.parallel.data_parallel`.
      workers: number of processes that decode images; 0 for threads of this process.
      steps_per_execution: maximum number of training steps in one compiled program, without the host in between: for
        small networks on fast devices, with data that is resident on the device. 0 for all steps from one evaluation to
        the next. A signal to stop takes effect at the end of the program.
      trackers: notified of all events of the run; None to show progress and curves in a notebook, and nothing
        elsewhere.
      experiment: of this recipe, from `zoo.training.prepare.prepare`; replaces data, network, devices and workers, so
        that runs with several seeds read and compile once. Cannot be combined with `workdir`.

    Raises:
      ZooError: recipe, data and network do not match, or the disk is full; files saved earlier are intact.
      TrainingInterrupted: SIGTERM or Ctrl-C; the state is saved if there is a `workdir`.
    """
    if experiment and workdir:
        raise ZooError("fit: workdir and experiment cannot be combined: omit one of them")
    _check_arguments(recipe, workdir, seed, dataset, model, devices, workers, steps_per_execution)
    main_process = jax.process_index() == 0
    if trackers is None:
        trackers = [Notebook()] if main_process and in_notebook() else []
    tracker = Trackers(trackers if main_process else ())
    with contextlib.ExitStack() as stack:
        stack.enter_context(disk_errors_as_zoo_errors())
        stack.callback(tracker.close)
        if experiment is not None:
            dataset = experiment.dataset
        custom_dataset, dataset = dataset, dataset or open_data(recipe.data)
        folder = RunFolder(workdir, tracker.note, steps_per_execution) if workdir else None
        if folder:
            _in_main_process(lambda: stack.enter_context(folder.claimed(recipe, seed, dataset)))
        skipped = SkippedImages(recipe.data, len(dataset.train) + len(dataset.eval), folder if main_process else None)
        experiment = experiment or prepare(
            recipe,
            dataset,
            model=model,
            mesh=parallel.make_mesh(devices),
            strategy=strategy,
            on_corrupt=skipped,
            on_progress=tracker.progress,
            known_statistics=_known_statistics(folder, tracker) if folder else None,
            workers=workers,
            steps_per_execution=steps_per_execution,
        )
        stop = stack.enter_context(stop_on_signals())
        state = experiment.initial_state(seed)
        history, checkpoints = History(), None
        if folder:
            checkpoints = Checkpoints(folder.checkpoints, clean_up=True)
            stack.callback(checkpoints.close)
            state = checkpoints.restore(state, tracker.note) or state
            history = History(folder.read_history(int(state.step)), folder.read_by_class())
            check_history(history.records, recipe, int(state.step), experiment.total_steps, tracker.note)
        if folder and main_process:
            if folder.started and (changed := folder.changed_environment()):
                tracker.note(
                    f"environment changed since the run started; results may not be bit-identical: {'; '.join(changed)}"
                )
            folder.write_statistics(experiment.statistics)
            notes = experiment.dataset.notes
            folder.write("data.json", dataclasses.replace(dataset, notes=notes).report.to_json())
            folder.rewrite_history(history.records)
            stack.callback(write_report, folder, tracker.note)  # also for a run that diverges or is interrupted
            files = Trackers(
                [
                    JSONLines(folder.metrics),
                    TensorBoard(folder.events, int(state.step)),
                    ByClass(folder),
                    Mistakes(folder, tracker.note),
                ]
            )
            stack.callback(files.close)
            tracker = Trackers([files, *trackers])
        tracker.begin(experiment, int(state.step))
        tracker = Trackers([history, tracker])
        state, verdict = Loop(experiment, seed, history, tracker, checkpoints, stop).train(state)
        if checkpoints:
            checkpoints.wait()
        if summary := skipped.summary():
            tracker.note(summary)
        if folder and main_process:
            folder.write_verdict(verdict)
            title = folder.path.name
            draw_curves(history.records, folder.path / "curves.png", title=title, target=verdict.target)
            if "confusion" in history.of_classes:
                names, counts = experiment.dataset.class_names, history.of_classes["confusion"]
                draw_confusion(counts, names, folder.path / "confusion.png", title=title)
        tracker.end(verdict)
    metrics = {} if verdict.value is None else {**history.records[-1], **history.of_classes}
    names, features = experiment.dataset.class_names, experiment.dataset.feature_names
    return FitResult(
        verdict,
        metrics,
        history.records,
        state.learned,
        experiment.statistics,
        recipe,
        tuple(names),
        None if features is None else tuple(features),
        model,
        custom_dataset,
    )


def _check_arguments(recipe, workdir, seed, dataset, model, devices, workers, steps_per_execution):
    """Raises `ZooError` for arguments of the wrong type or out of range."""
    for name, value, wanted, remedy in (
        ("recipe", recipe, Recipe, "a recipe, such as zoo.load_recipe(NAME)"),
        ("dataset", dataset, Dataset | None, "a data set: zoo.Dataset(...) or zoo.open_source(SOURCE)"),
        ("model", model, nn.Module | None, "a Flax module, such as zoo.create_model(NAME)"),
        ("workdir", workdir, str | os.PathLike | None, "the path of a folder (pass data as dataset=...)"),
    ):
        if not isinstance(value, wanted):
            raise ZooError(f"fit: {name} must be {remedy}; got {shown(value)}")
    for name, value, most in (
        ("seed", seed, 2**32 - 1),
        ("workers", workers, None),
        ("steps_per_execution", steps_per_execution, None),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ZooError(f"fit: {name} must be an integer, not {shown(value)}")
        if value < 0 or (most is not None and value > most):
            limits = "0 or more" if most is None else "from 0 to 2^32 - 1"
            raise ZooError(f"fit: {name} must be {limits}, not {shown(value)}")
    if devices is not None and not len(devices):
        raise ZooError("fit: devices is empty; omit it to use all devices")


def _known_statistics(folder, tracker):
    """Reads the statistics of an earlier start; None if they are missing or damaged, and have to be measured."""
    try:
        return folder.read_statistics()
    except DamagedFile:
        tracker.note(f"{printable(folder.path / 'statistics.npz')} is damaged: the statistics are measured again")
        return None


def check_history(
    records: Sequence[dict[str, Any]], recipe: Recipe, step: int, total_steps: int, note: Callable[[str], None]
) -> None:
    """Checks that the records of a run's first `step` steps are complete.

    Args:
      records: the records that could be read.
      recipe: of the run.
      step: the step to resume from; its evaluation may still be pending.
      total_steps: of the run.
      note: called with a line about missing records that the run does not depend on.

    Raises:
      DamagedFile: an evaluation is missing that the run depends on.
    """
    trained = {record["step"] for record in records if record["kind"] == "train"}
    evaluated = {record["step"] for record in records if record["kind"] != "train"}
    due = {each for each in recipe.budget.evaluation_steps(total_steps) if each < step}
    if lost := sorted(due - evaluated):
        dependent = "early_stopping" if recipe.early_stopping else "schedule"
        if recipe.early_stopping or isinstance(recipe.schedule, ReduceOnPlateau):
            raise DamagedFile(
                f"metrics.jsonl lacks the evaluation at step {lost[0]}, which {dependent} depends on: choose another"
                " --workdir"
            )
    if lost or len(trained) < step:
        note(f"metrics.jsonl lacks the records of {step - len(trained)} steps and {len(lost)} evaluations")


def _in_main_process(action: Callable[[], Any]) -> None:
    """Runs an action in process 0 only; if it fails there, all processes raise."""
    error = None
    if jax.process_index() == 0:
        try:
            action()
        except ZooError as failure:
            error = failure
    failed = error is not None
    if jax.process_count() > 1:
        failed = bool(multihost_utils.broadcast_one_to_all(np.bool_(failed)))
    if failed:
        raise error or ZooError("process 0 failed to start the run; see its error")
