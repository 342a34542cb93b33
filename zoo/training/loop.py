"""The one training loop, for the command line, for notebooks and for verification."""

import collections
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.experimental import multihost_utils

from zoo import parallel
from zoo.data.augment import Statistics
from zoo.data.dataset import Dataset
from zoo.data.loader import Feed, training_batches
from zoo.data.sources import open_source
from zoo.data.statistics import sample_indices
from zoo.errors import TrainingInterrupted, ZooError
from zoo.recipe import Recipe
from zoo.training.checkpoint import Checkpoints
from zoo.training.confusion import draw_confusion
from zoo.training.curves import draw_curves
from zoo.training.diagnosis import first_non_finite
from zoo.training.evaluation import BY_CLASS, evaluate_feed
from zoo.training.experiment import Experiment, prepare
from zoo.training.pace import Clock, Waits
from zoo.training.run_folder import RunFolder
from zoo.training.state import TrainState
from zoo.training.stopping import SkippedImages, Stop, one_line_for_disk_errors, stop_on_signals
from zoo.training.tracking import ByClass, History, JSONLines, TensorBoard, Tracker, Trackers
from zoo.training.verdict import Verdict, diverged, judge
from zoo.training.watching import Watched

# Metrics are read one step late, so that the device has the next step to do meanwhile. Much later must not be: with
# 32 steps under way, collectives of several CPU devices on few cores wait for each other for ever.
STEPS_IN_FLIGHT = 1


@dataclass(frozen=True)
class FitResult:
    """What a run gives.

    Attributes:
      verdict: whether it converged.
      metrics: of the evaluation at the end, see `evaluate_feed`; empty if the run diverged.
      history: all records, dictionaries with `kind` ("train", "validation" or "eval") and `step`.
      variables: {"params": ..., "batch_stats": ...} at the end; averaged, or of the best evaluation, where the recipe says so.
      statistics: of the training images; `zoo.evaluate` takes them.
    """

    verdict: Verdict
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    variables: dict[str, Any]
    statistics: Statistics


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
    trackers: Sequence[Tracker] = (),
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
      trackers: are told of everything that happens.

    Raises:
      ZooError: recipe, data and network do not fit together, or the disk is full; whatever was saved is intact.
      TrainingInterrupted: SIGTERM or Ctrl-C; the state was saved if there is a `workdir`.
    """
    if not 0 <= seed < 2**32:
        raise ZooError(f"the seed is {seed}, it must be from 0 to 2^32 - 1")
    main_process = jax.process_index() == 0
    tracker = Trackers(trackers if main_process else ())
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_line_for_disk_errors())
        stack.callback(tracker.close)
        dataset = dataset or open_source(recipe.data.source, recipe.data.label)
        folder = RunFolder(workdir) if workdir else None
        if folder:
            _in_main_process(lambda: folder.claim(recipe, seed, dataset))
            if main_process:
                stack.enter_context(folder.locked())
        skipped = SkippedImages(recipe.data.corrupt_limit, folder if main_process else None)
        experiment = prepare(
            recipe,
            dataset,
            model=model,
            mesh=parallel.make_mesh(devices),
            strategy=strategy,
            on_corrupt=skipped,
            on_progress=tracker.progress,
            known_statistics=folder and folder.read_statistics(),
            workers=workers,
        )
        stop = stack.enter_context(stop_on_signals())
        state = experiment.initial_state(seed)
        history, checkpoints = History(), None
        if folder:
            checkpoints = Checkpoints(folder.checkpoints, clean_up=True)
            stack.callback(checkpoints.close)
            state = checkpoints.restore(state, tracker.note) or state
            history = History(folder.read_history(int(state.step)), folder.read_by_class())
        if folder and main_process:
            if folder.begun and (changed := folder.changed_environment()):
                tracker.note(
                    f"this run was begun elsewhere, so its end may differ in the last bits; now, and then: {'; '.join(changed)}"
                )
            folder.write_statistics(experiment.statistics)
            folder.rewrite_history(history.records)
            files = Trackers([JSONLines(folder.metrics), TensorBoard(folder.events, int(state.step)), ByClass(folder)])
            stack.callback(files.close)
            tracker = Trackers([files, *trackers])
        tracker.begin(experiment, int(state.step))
        tracker = Trackers([history, tracker])
        state, verdict = _Run(experiment, seed, history, tracker, checkpoints, stop, skipped, workers).train(state)
        if checkpoints:
            checkpoints.wait()
        if folder and main_process:
            folder.write_verdict(verdict)
            title = folder.path.name
            draw_curves(history.records, folder.path / "curves.png", title=title, target=verdict.target)
            if "confusion" in history.of_classes:
                names, counts = experiment.dataset.class_names, history.of_classes["confusion"]
                draw_confusion(counts, names, folder.path / "confusion.png", title=title)
        tracker.end(verdict)
    metrics = {} if verdict.value is None else {**history.records[-1], **history.of_classes}
    return FitResult(verdict, metrics, history.records, state.learned, experiment.statistics)


def _in_main_process(action: Callable[[], None]) -> None:
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


@dataclass(frozen=True)
class _Run:
    """The loop, with all that stays the same while it goes round."""

    experiment: Experiment
    seed: int
    history: History
    tracker: Tracker
    checkpoints: Checkpoints | None
    stop: Stop
    skipped: Callable
    workers: int

    def train(self, state: TrainState) -> tuple[TrainState, Verdict]:
        """From a state to the end of the run, or to the first step that is not finite."""
        experiment, total = self.experiment, self.experiment.total_steps
        budget = experiment.recipe.budget
        due = {*budget.evaluation_steps(total)} - {
            record["step"] for record in self.history.records if record["kind"] != "train"
        }
        constants, train_step = experiment.constants(experiment.train_feed), experiment.train_step()
        evaluate_at_end = evaluate_on_the_way = self.evaluator("eval", experiment.eval_feed)
        if experiment.validation_feed:
            evaluate_on_the_way = self.evaluator("validation", experiment.validation_feed)
        watched = self.watched
        state, over = watched.follow(state, experiment.mesh), watched.over
        clock, waits, in_flight = Clock(budget.batch_size), Waits(), collections.deque()
        step = int(state.step)
        batches = training_batches(
            experiment.train_feed,
            budget.batch_size,
            seed=self.seed,
            first_step=step,
            on_corrupt=self.skipped,
            host=jax.process_index(),
            hosts=jax.process_count(),
            workers=self.workers,
        )
        with contextlib.closing(batches):
            while True:
                pending = self.stop.pending(step)
                pause = pending or step in due or step == total
                while len(in_flight) > (0 if pause else STEPS_IN_FLIGHT):
                    done, metrics, batch = in_flight.popleft()
                    values = {name: value.item() for name, value in jax.device_get(metrics).items()}
                    if not values.pop("finite"):
                        where = first_non_finite(experiment, state, constants, batch)
                        return state, diverged(values, where, experiment.recipe.target, done, total)
                    self.tracker.train({"kind": "train", "step": done, **values, **clock.speed()})
                if not (pending and self.stop.settle()) and step in due:
                    final = step == total and experiment.recipe.early_stopping is None
                    evaluate = evaluate_at_end if final else evaluate_on_the_way
                    record = evaluate(state.evaluated, step, final)
                    if record is not None:
                        self.tracker.evaluation(record)
                        due.remove(step)
                        watched = self.watched
                        state, over = watched.follow(state, experiment.mesh), watched.over
                        # The best checkpoint is chosen by validation, if there is any: not by the evaluation split.
                        self.save(state, step, record if evaluate is evaluate_on_the_way else None)
                    clock = Clock(budget.batch_size)
                if self.stop.signum:
                    raise self.interrupted(state, step)
                if step == total or over:
                    if advice := waits.advice():
                        self.tracker.note(advice)
                    self.restore_best(state, step, evaluate_at_end)
                    examples = experiment.dataset.examples
                    return state, judge(self.history.records, experiment.recipe.target, total, examples)
                batch = waits.next(batches, in_flight)
                batch = parallel.shard_batch(batch, experiment.mesh)
                state, metrics = train_step(state, constants, batch)
                step += 1
                in_flight.append((step, metrics, batch))

    @property
    def watched(self) -> Watched:
        """What the evaluations so far lead to."""
        return Watched(self.experiment.recipe, self.history.records)

    def restore_best(self, state: TrainState, step: int, evaluate: Callable) -> None:
        """Evaluates the weights that early stopping takes, if it is there and has not done so before."""
        watched = self.watched
        if self.experiment.recipe.early_stopping is None or watched.restored:
            return
        record = evaluate(state.best, step, True)
        if record is None:
            raise self.interrupted(state, step)
        best_step = watched.best_step or 0  # 0: no evaluation gave a number, and those before training were kept
        self.tracker.note(f"the weights are those of step {best_step}")
        self.tracker.evaluation({**record, "restored_step": best_step})

    def evaluator(self, kind: str, feed: Feed) -> Callable[[dict[str, Any], int, bool], dict[str, Any] | None]:
        """A function (variables, step, whether it is the evaluation at the end, which takes all examples) -> the record of
        an evaluation on a feed; None if a signal ended it.
        """
        experiment, budget = self.experiment, self.experiment.recipe.budget
        constants, eval_step = experiment.constants(feed), experiment.eval_step(feed)

        class Stopped(Exception):
            pass

        def evaluate(variables, step, at_end):
            def on_progress(done, total):
                self.tracker.progress("evaluating", done, total)
                if jax.process_count() == 1 and self.stop.received:
                    self.stop.settle()
                    raise Stopped

            indices, started = None, time.perf_counter()
            if budget.interim_examples is not None and not at_end:
                indices = sample_indices(len(feed.split), budget.interim_examples)
            with contextlib.suppress(Stopped):
                metrics = evaluate_feed(
                    eval_step,
                    variables,
                    constants,
                    feed,
                    experiment.mesh,
                    batch_size=budget.batch_size,
                    indices=indices,
                    on_corrupt=self.skipped,
                    on_progress=on_progress,
                    workers=self.workers,
                )
                by_class = {name: metrics.pop(name) for name in BY_CLASS if name in metrics}
                self.tracker.by_class(step, by_class)
                return {"kind": kind, "step": step, **metrics, "seconds": time.perf_counter() - started}
            return None

        return evaluate

    def save(self, state: TrainState, step: int, record: dict[str, Any] | None = None) -> None:
        """Begins to save the state, with the record of its evaluation, if there is a folder."""
        if self.checkpoints:
            self.checkpoints.save(step, state, record and {"top1": record["top1"]})

    def interrupted(self, state: TrainState, step: int) -> TrainingInterrupted:
        """Saves the state, and returns the exception that says so."""
        outcome = "nothing was kept, for want of a run folder"
        if self.checkpoints:
            self.save(state, step)
            self.checkpoints.wait()
            outcome = "the state is saved, and the same command goes on from there"
        name = signal.Signals(self.stop.signum).name
        return TrainingInterrupted(
            f"stopped by {name} after {step} steps: {outcome}", signum=self.stop.signum, step=step
        )
