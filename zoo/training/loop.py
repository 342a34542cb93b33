"""The training loop: steps, evaluations, checkpoints, and the end of a run."""

import collections
import contextlib
import functools
import signal
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from zoo.data.pipeline import Batch, InputPipeline, training_batches
from zoo.data.selection import sample_indices
from zoo.errors import TrainingInterrupted
from zoo.training.diagnosis import first_non_finite
from zoo.training.early_stopping import Decisions
from zoo.training.evaluation import BY_CLASS, evaluate_pipeline
from zoo.training.execution import Execution, execute, steps_at_once
from zoo.training.experiment import Experiment
from zoo.training.interruption import Stop
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.verdict import Verdict, diverged, judge
from zoo.training.step.inputs import Constants
from zoo.training.step.state import TrainState
from zoo.training.throughput import Clock, Waits
from zoo.training.tracking import History, Tracker

# Metrics are read one program late, so that the device is busy with the next one. A much larger number deadlocks: with
# 32 steps in flight, collectives of several CPU devices on few cores wait for each other forever.
PROGRAMS_IN_FLIGHT = 1

# (variables, step, whether to use all examples) -> the record of the evaluation; None if a signal ended it.
Evaluation = Callable[[dict[str, Any], int, bool], dict[str, Any] | None]


@dataclass(frozen=True)
class Loop:
    """The training loop of one run.

    Attributes:
      experiment: the prepared run.
      seed: of the run.
      history: the records so far, including those before an interruption.
      tracker: receives all events, and passes them on to `history` too.
      checkpoints: of the run; None to save nothing.
      stop: the request of a signal to stop.
    """

    experiment: Experiment
    seed: int
    history: History
    tracker: Tracker
    checkpoints: Checkpoints | None
    stop: Stop

    def train(self, state: TrainState) -> tuple[TrainState, Verdict]:
        """Trains from a state to the end of the run, or to the first non-finite step."""
        experiment, total = self.experiment, self.experiment.total_steps
        constants = experiment.constants(experiment.train_pipeline)
        evaluations = experiment.recipe.budget.evaluation_steps(total)
        due, decisions = self.due(evaluations), self.decisions
        state, over = decisions.apply(state, experiment.mesh), decisions.over
        clock, waits, in_flight = self.clock(), Waits(), collections.deque[Execution]()
        step = int(state.step)
        with contextlib.closing(self.batches(step)) as batches:
            while True:
                pending = self.stop.pending(step)
                pause = pending or step in due or step == total
                while len(in_flight) > (0 if pause else PROGRAMS_IN_FLIGHT):
                    if failure := self.record(in_flight.popleft(), clock, state, constants):
                        return state, failure
                if not (pending and self.stop.settle()) and step in due:
                    state = self.evaluate(state, step)
                    due, over, clock = self.due(evaluations), self.decisions.over, self.clock()
                if self.stop.signum:
                    raise self.interrupted(state, step)
                if step == total or over:
                    return state, self.finish(state, step, waits)
                count = steps_at_once(step, evaluations, experiment.steps_per_execution)
                state, executed = execute(experiment, state, constants, step, waits.next(batches, count, in_flight))
                step += count
                in_flight.append(executed)

    def batches(self, first_step: int) -> Generator[Batch]:
        """Returns this process's training batches, starting after `first_step` steps."""
        return training_batches(
            self.experiment.train_pipeline,
            self.experiment.recipe.budget.batch_size,
            seed=self.seed,
            first_step=first_step,
            host=jax.process_index(),
            hosts=jax.process_count(),
        )

    def clock(self) -> Clock:
        """Starts a clock."""
        return Clock(self.experiment.recipe.budget.batch_size)

    def due(self, evaluations: Sequence[int]) -> set[int]:
        """Returns the steps whose evaluations are still pending."""
        return {*evaluations} - {record["step"] for record in self.history.records if record["kind"] != "train"}

    @property
    def decisions(self) -> Decisions:
        """The decisions that follow from the evaluations so far."""
        return Decisions(self.experiment.recipe, self.history.records)

    def record(self, executed: Execution, clock: Clock, state: TrainState, constants: Constants) -> Verdict | None:
        """Waits for a program and reports its steps; returns a verdict if one of them is non-finite."""
        records, speed = executed.records(), clock.speed(len(executed.steps))
        for step, values in records:
            if not values.pop("finite"):
                where = first_non_finite(self.experiment, state, constants, executed.batch_of(step))
                return diverged(values, where, self.experiment.recipe.target, step, self.experiment.total_steps)
            self.tracker.train({"kind": "train", "step": step, **values, **speed})
        return None

    def evaluate(self, state: TrainState, step: int) -> TrainState:
        """Evaluates, applies the resulting decisions, and saves a checkpoint; does nothing if a signal arrives."""
        final = step == self.experiment.total_steps and self.experiment.recipe.early_stopping is None
        evaluation = self.final_evaluation if final else self.interim_evaluation
        record = evaluation(state.evaluated, step, final)
        if record is None:
            return state
        self.tracker.evaluation(record)
        state = self.decisions.apply(state, self.experiment.mesh)
        # The best checkpoint is chosen on the validation split if there is one, never on the evaluation split then.
        self.save(state, step, record if evaluation is self.interim_evaluation else None)
        return state

    def finish(self, state: TrainState, step: int, waits: Waits) -> Verdict:
        """Evaluates the weights chosen by early stopping, if any, and returns the verdict on the run."""
        experiment = self.experiment
        if advice := waits.advice(experiment.dataset.examples, experiment.train_pipeline.resident):
            self.tracker.note(advice)
        self.restore_best(state, step)
        return judge(
            self.history.records, experiment.recipe.target, experiment.total_steps, experiment.dataset.examples
        )

    def restore_best(self, state: TrainState, step: int) -> None:
        """Evaluates the weights that early stopping chose, unless this was done before the run was resumed."""
        decisions = self.decisions
        if self.experiment.recipe.early_stopping is None or decisions.restored:
            return
        record = self.final_evaluation(state.best, step, True)
        if record is None:
            raise self.interrupted(state, step)
        # Step 0: no evaluation gave a finite metric, so that the initial weights were kept.
        best_step = decisions.best_step or 0
        self.tracker.note(f"using the weights of step {best_step}")
        self.tracker.evaluation({**record, "restored_step": best_step})

    @functools.cached_property
    def final_evaluation(self) -> Evaluation:
        """The evaluation function for the end of the run, on the evaluation split."""
        return self.evaluator("eval", self.experiment.eval_pipeline, self.experiment.eval_step)

    @functools.cached_property
    def interim_evaluation(self) -> Evaluation:
        """The evaluation function for use during the run, on the validation split if there is one."""
        if self.experiment.validation_pipeline is None:
            return self.final_evaluation
        return self.evaluator("validation", self.experiment.validation_pipeline, self.experiment.validation_step)

    def evaluator(self, kind: str, pipeline: InputPipeline, eval_step: Callable) -> Evaluation:
        """Makes an evaluation function on a pipeline.

        Args:
          kind: "validation" or "eval", for the records.
          pipeline: of the split.
          eval_step: for that pipeline.

        Returns:
          A function (variables, step, whether to use all examples) -> the record; None if a signal ended it.
        """
        experiment, budget = self.experiment, self.experiment.recipe.budget
        constants = experiment.constants(pipeline)

        class Stopped(Exception):
            pass

        def evaluate(variables, step, all_examples):
            def on_progress(done, total):
                self.tracker.progress("evaluating", done, total)
                if jax.process_count() == 1 and self.stop.received:
                    self.stop.settle()
                    raise Stopped

            def on_outcomes(outcomes):
                if kind == "eval" and all_examples:
                    self.tracker.outcomes(step, outcomes)

            indices, started = None, time.perf_counter()
            if budget.interim_examples is not None and not all_examples:
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
                    on_progress=on_progress,
                    on_outcomes=on_outcomes,
                )
                by_class = {name: metrics.pop(name) for name in BY_CLASS if name in metrics}
                self.tracker.by_class(step, by_class)
                return {"kind": kind, "step": step, **metrics, "seconds": time.perf_counter() - started}
            return None

        return evaluate

    def save(self, state: TrainState, step: int, record: dict[str, Any] | None = None) -> None:
        """Starts to save the state, with the record of its evaluation, if there are checkpoints."""
        if self.checkpoints:
            self.checkpoints.save(step, state, record and {"top1": record["top1"]})

    def interrupted(self, state: TrainState, step: int) -> TrainingInterrupted:
        """Saves the state, and returns the exception to raise."""
        outcome = "nothing is saved without a run folder"
        if self.checkpoints:
            self.save(state, step)
            self.checkpoints.wait()
            outcome = "the state is saved; run the same command again to resume"
        signum = self.stop.signum
        assert signum is not None
        name = signal.Signals(signum).name
        return TrainingInterrupted(f"stopped by {name} after {step} steps: {outcome}", signum=signum, step=step)
