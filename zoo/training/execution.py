"""What is handed to the devices at once: a training step, or the program of several."""

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
    """Training steps that were handed to the devices.

    Attributes:
      steps: their numbers; the first step of a run is 1.
      metrics: of the steps, on the devices: scalars, or arrays [steps] if the program is one of several steps.
      batches: global, as the program had them.
      several: whether it is the program of several steps.
    """

    steps: range
    metrics: dict[str, Any]
    batches: Any
    several: bool

    def records(self) -> list[tuple[int, dict[str, Any]]]:
        """Waits for the steps, and gives the number and the metrics of each."""
        values = {name: np.atleast_1d(value) for name, value in jax.device_get(self.metrics).items()}
        return [
            (step, {name: value[place].item() for name, value in values.items()})
            for place, step in enumerate(self.steps)
        ]

    def batch_of(self, step: int) -> Any:
        """The global batch of one of the steps."""
        if not self.several:
            return self.batches
        return jax.tree.map(lambda array: array[step - self.steps.start], self.batches)


def steps_at_once(step: int, evaluations: Sequence[int], most: int) -> int:
    """How many steps the next program does.

    Programs begin at evaluations and every so many steps after them, whatever step a run goes on from: so an interrupted
    run does the same steps by the same programs, and comes to the same bits.

    Args:
      step: done so far.
      evaluations: the steps after which the run is evaluated, in order, the last step among them.
      most: steps of one program; 0 for all until the next evaluation.
    """
    place = bisect.bisect_right(evaluations, step)
    begin, end = (0, *evaluations)[place], evaluations[place]
    most = most or end - begin
    return min(most - (step - begin) % most, end - step)


def execute(
    experiment: Experiment, state: TrainState, constants: Constants, step: int, batches: Sequence[Batch]
) -> tuple[TrainState, Execution]:
    """Hands the steps with these batches to the devices; the old state is used up.

    Args:
      experiment: whose program it is.
      state: after `step` steps.
      constants: of the training pipeline.
      step: done so far.
      batches: this process' parts, as many as `steps_at_once` says.
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
