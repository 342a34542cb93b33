"""`fit`: one way to train, for the command line, for notebooks and for verification."""

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
from zoo.training.interruption import SkippedImages, one_line_for_disk_errors, stop_on_signals
from zoo.training.loop import Loop
from zoo.training.prepare import prepare
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.confusion import draw_confusion
from zoo.training.run.curves import draw_curves
from zoo.training.run.folder import RunFolder
from zoo.training.run.verdict import Verdict
from zoo.training.tracking import ByClass, History, JSONLines, TensorBoard, Tracker, Trackers


@dataclass(frozen=True)
class FitResult:
    """What a run gives.

    Attributes:
      verdict: whether it converged.
      metrics: of the evaluation at the end, see `evaluate_pipeline`; empty if the run diverged.
      history: all records, dictionaries with `kind` ("train", "validation" or "eval") and `step`.
      variables: {"params": ..., "batch_stats": ...} at the end; averaged, or of the best evaluation, where the recipe says so.
      statistics: of the training images.
      recipe: that was followed.
      class_names: logit i is for the class `class_names[i]`.
      feature_names: of the columns of a table; None for images.
      model: the network, if it is one's own instead of the recipe's.
      dataset: the data, likewise.
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
    trackers: Sequence[Tracker] = (),
    experiment: Experiment | None = None,
) -> FitResult:
    """Trains a network as a recipe says, and judges the result.

    Args:
      recipe: what to do.
      workdir: folder of the run, made if it is not there. A run that was interrupted goes on from its last checkpoint,
        to the same result to the last bit on the same CPU. None keeps nothing.
      seed: from 0 to 2^32 - 1; decides all that is random.
      dataset: data of one's own instead of the recipe's.
      model: a network of one's own instead of the recipe's, with as many logits as the data has classes.
      devices: to train on; all there are if None.
      strategy: "shard_map" or "pmap", see `zoo.parallel.data_parallel`.
      workers: processes that decode images; 0 for threads of this one.
      steps_per_execution: how many training steps one compiled program does at most, without the host between them: for
        small networks on fast devices, which would wait for the host, and data that is kept on the device. 0 for all
        steps from one evaluation to the next. A signal to stop waits for the program's end.
      trackers: are told of everything that happens.
      experiment: of this recipe, from `zoo.training.prepare.prepare`, which then decides data, network and devices:
        so that runs with several seeds read and compile once. Not with a `workdir`.

    Raises:
      ZooError: recipe, data and network do not fit together, or the disk is full; whatever was saved is intact.
      TrainingInterrupted: SIGTERM or Ctrl-C; the state was saved if there is a `workdir`.
    """
    if experiment and workdir:
        raise ZooError("fit: a run with a folder prepares its own experiment; leave out workdir or experiment")
    _check_arguments(recipe, workdir, seed, dataset, model, devices, workers, steps_per_execution)
    main_process = jax.process_index() == 0
    tracker = Trackers(trackers if main_process else ())
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_line_for_disk_errors())
        stack.callback(tracker.close)
        if experiment is not None:
            dataset = experiment.dataset
        own, dataset = dataset, dataset or open_data(recipe.data)
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
            if folder.begun and (changed := folder.changed_environment()):
                tracker.note(
                    f"this run was begun elsewhere, so its end may differ in the last bits; now, and then: {'; '.join(changed)}"
                )
            folder.write_statistics(experiment.statistics)
            notes = experiment.dataset.notes
            folder.write("data.json", dataclasses.replace(dataset, notes=notes).report.to_json())
            folder.rewrite_history(history.records)
            files = Trackers([JSONLines(folder.metrics), TensorBoard(folder.events, int(state.step)), ByClass(folder)])
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
        own,
    )


def _check_arguments(recipe, workdir, seed, dataset, model, devices, workers, steps_per_execution):
    """Raises `ZooError` for what the command line could not have said: values of other types, or out of range."""
    for name, value, wanted, remedy in (
        ("recipe", recipe, Recipe, "zoo.load_recipe(NAME)"),
        ("dataset", dataset, Dataset | None, "zoo.Dataset(...) or zoo.open_source(SOURCE)"),
        ("model", model, nn.Module | None, "zoo.create_model(NAME)"),
        ("workdir", workdir, str | os.PathLike | None, "the path of a folder (data is dataset=...)"),
    ):
        if not isinstance(value, wanted):
            raise ZooError(f"fit: {name} is {shown(value)}, and takes {remedy}")
    for name, value, most in (
        ("the seed", seed, 2**32 - 1),
        ("workers", workers, None),
        ("steps_per_execution", steps_per_execution, None),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ZooError(f"fit: {name} is {shown(value)}, it must be a whole number")
        if value < 0 or (most is not None and value > most):
            limits = "0 or more" if most is None else "from 0 to 2^32 - 1"
            raise ZooError(f"{name} is {shown(value)}, it must be {limits}")
    if devices is not None and not len(devices):
        raise ZooError("fit: devices is empty; leave it out for all that there are")


def _known_statistics(folder, tracker):
    """Those that a run has measured; None if there are none, or none that can be read: the data has stayed the same."""
    try:
        return folder.read_statistics()
    except DamagedFile:
        tracker.note(f"{printable(folder.path / 'statistics.npz')} is damaged: the images are measured anew")
        return None


def check_history(
    records: Sequence[dict[str, Any]], recipe: Recipe, step: int, total_steps: int, note: Callable[[str], None]
) -> None:
    """Says which records of a run's first `step` steps are lost.

    Args:
      records: those that are there.
      recipe: of the run.
      step: that it goes on from. Its own evaluation may still be to come.
      total_steps: of the run.
      note: called with a line if what is lost was for people alone.

    Raises:
      DamagedFile: the run rests on what is lost.
    """
    trained = {record["step"] for record in records if record["kind"] == "train"}
    evaluated = {record["step"] for record in records if record["kind"] != "train"}
    due = {each for each in recipe.budget.evaluation_steps(total_steps) if each < step}
    if lost := sorted(due - evaluated):
        resting = "early_stopping" if recipe.early_stopping else "schedule"
        if recipe.early_stopping or isinstance(recipe.schedule, ReduceOnPlateau):
            raise DamagedFile(
                f"metrics.jsonl has lost the evaluation at step {lost[0]}, on which {resting} rests: choose another --workdir"
            )
    if lost or len(trained) < step:
        note(f"metrics.jsonl has lost the records of {step - len(trained)} steps and {len(lost)} evaluations")


def _in_main_process(action: Callable[[], Any]) -> None:
    """Does something in process 0 alone; if it fails there, all processes end."""
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
        raise error or ZooError("process 0 cannot begin, see what it says")
