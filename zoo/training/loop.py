"""The training loop: steps, evaluations on the way and at the end, checkpoints, and what ends it."""

import collections
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from zoo.data.pipeline import InputPipeline, training_batches
from zoo.data.selection import sample_indices
from zoo.errors import TrainingInterrupted
from zoo.training.diagnosis import first_non_finite
from zoo.training.early_stopping import Watched
from zoo.training.evaluation import BY_CLASS, evaluate_pipeline
from zoo.training.execution import Execution, execute, steps_at_once
from zoo.training.experiment import Experiment
from zoo.training.interruption import Stop
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.verdict import Verdict, diverged, judge
from zoo.training.step.state import TrainState
from zoo.training.throughput import Clock, Waits
from zoo.training.tracking import History, Tracker

# Metrics are read one program late, so that the device has the next one to do meanwhile. Much later must not be: with
# 32 steps under way, collectives of several CPU devices on few cores wait for each other for ever.
PROGRAMS_IN_FLIGHT = 1


@dataclass(frozen=True)
class Loop:
    """The loop, with all that stays the same while it goes round.

    Attributes:
      experiment: what is trained.
      seed: of the run.
      history: of the records so far, those of an interrupted run included.
      tracker: is told of everything; `history` is among those whom it tells.
      checkpoints: None to keep nothing.
      stop: whether a signal asks it to end.
      skipped: called for each image that cannot be decoded.
      workers: processes that decode; 0 for threads.
    """

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
        evaluations = budget.evaluation_steps(total)
        due = {*evaluations} - {record["step"] for record in self.history.records if record["kind"] != "train"}
        constants = experiment.constants(experiment.train_pipeline)
        evaluate_at_end = evaluate_on_the_way = self.evaluator("eval", experiment.eval_pipeline, experiment.eval_step)
        if experiment.validation_pipeline:
            evaluate_on_the_way = self.evaluator(
                "validation", experiment.validation_pipeline, experiment.validation_step
            )
        watched = self.watched
        state, over = watched.follow(state, experiment.mesh), watched.over
        clock, waits, in_flight = Clock(budget.batch_size), Waits(), collections.deque[Execution]()
        step = int(state.step)
        batches = training_batches(
            experiment.train_pipeline,
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
                while len(in_flight) > (0 if pause else PROGRAMS_IN_FLIGHT):
                    executed = in_flight.popleft()
                    records, speed = executed.records(), clock.speed(len(executed.steps))
                    for done, values in records:
                        if not values.pop("finite"):
                            where = first_non_finite(experiment, state, constants, executed.batch_of(done))
                            return state, diverged(values, where, experiment.recipe.target, done, total)
                        self.tracker.train({"kind": "train", "step": done, **values, **speed})
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
                    if advice := waits.advice(experiment.dataset.examples, experiment.train_pipeline.resident):
                        self.tracker.note(advice)
                    self.restore_best(state, step, evaluate_at_end)
                    examples = experiment.dataset.examples
                    return state, judge(self.history.records, experiment.recipe.target, total, examples)
                count = steps_at_once(step, evaluations, experiment.steps_per_execution)
                state, executed = execute(experiment, state, constants, step, waits.next(batches, count, in_flight))
                step += count
                in_flight.append(executed)

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

    def evaluator(
        self, kind: str, pipeline: InputPipeline, eval_step: Callable
    ) -> Callable[[dict[str, Any], int, bool], dict[str, Any] | None]:
        """A function (variables, step, whether it is the evaluation at the end, which takes all examples) -> the record of
        an evaluation on a pipeline; None if a signal ended it.
        """
        experiment, budget = self.experiment, self.experiment.recipe.budget
        constants = experiment.constants(pipeline)

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
                indices = sample_indices(len(pipeline.split), budget.interim_examples)
            with contextlib.suppress(Stopped):
                metrics = evaluate_pipeline(
                    eval_step,
                    variables,
                    constants,
                    pipeline,
                    experiment.mesh,
                    batch_size=budget.batch_size // budget.accumulation,
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
        signum = self.stop.signum
        assert signum is not None  # which is why it was interrupted
        name = signal.Signals(signum).name
        return TrainingInterrupted(f"stopped by {name} after {step} steps: {outcome}", signum=signum, step=step)
