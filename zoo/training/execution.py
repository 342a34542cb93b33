"""Dispatch of training steps to the devices: one step, or several steps in one program."""

import bisect
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from zoo import parallel
from zoo.data.pipeline import Batch
from zoo.training.experiment import Experiment
from zoo.training.step.inputs import Constants
from zoo.training.step.state import TrainState


class Execution(NamedTuple):
    """Training steps that were dispatched to the devices.

    Attributes:
      steps: their numbers; the first step of a run is 1.
      metrics: of the steps, on the devices: scalars, or arrays [steps] for a program of several steps.
      batches: the global batches of the program.
      several: whether it is the program of several steps.
    """

    steps: range
    metrics: dict[str, Any]
    batches: Any
    several: bool

    def records(self) -> list[tuple[int, dict[str, Any]]]:
        """Waits for the steps, and returns the number and the metrics of each."""
        values = {name: np.atleast_1d(value) for name, value in jax.device_get(self.metrics).items()}
        return [
            (step, {name: value[place].item() for name, value in values.items()})
            for place, step in enumerate(self.steps)
        ]

    def batch_of(self, step: int) -> Any:
        """Returns the global batch of one of the steps."""
        if not self.several:
            return self.batches
        return jax.tree.map(lambda array: array[step - self.steps.start], self.batches)


def steps_at_once(step: int, evaluations: Sequence[int], most: int) -> int:
    """Returns the number of steps of the next program.

    Programs start at evaluations and every `most` steps after them, whatever step a run resumes from. So a resumed run
    executes the same steps in the same programs, and its results are bit-identical.

    Args:
      step: number of steps done.
      evaluations: the steps after which the run is evaluated, in order, including the last step.
      most: maximum number of steps of one program; 0 for all steps until the next evaluation.
    """
    place = bisect.bisect_right(evaluations, step)
    start, end = (0, *evaluations)[place], evaluations[place]
    most = most or end - start
    return min(most - (step - start) % most, end - step)


def execute(
    experiment: Experiment, state: TrainState, constants: Constants, step: int, batches: Sequence[Batch]
) -> tuple[TrainState, Execution]:
    """Dispatches the steps with these batches to the devices.

    Args:
      experiment: of the run, with the compiled programs.
      state: after `step` steps; its buffers are donated.
      constants: of the training pipeline.
      step: number of steps done.
      batches: this process's shards of the batches, as many as `steps_at_once` returns.
    """
    several = experiment.steps_per_execution != 1
    if several:
        stacked = jax.tree.map(lambda *arrays: np.stack(arrays), *batches)
        given = parallel.shard_batch(stacked, experiment.mesh, of_steps=True)
        state, metrics = experiment.train_steps(state, constants, given)
    else:
        given = parallel.shard_batch(batches[0], experiment.mesh)
        state, metrics = experiment.train_step(state, constants, given)
    return state, Execution(range(step + 1, step + 1 + len(batches)), metrics, given, several)
