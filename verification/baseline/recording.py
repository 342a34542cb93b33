"""What a report holds of a recipe so that another environment can be compared with it: the same seed, step by step."""

import contextlib
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from verification.convergence import losses_of_parts
from verification.ledger import data_name, fingerprint
from zoo.data.pipeline import training_batches
from zoo.data.selection import sample_indices
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.execution import execute
from zoo.training.experiment import Experiment
from zoo.training.run.verdict import Verdict
from zoo.training.tracking import Tracker

STEPS = 5  # first steps of a run that are compared
EXAMPLES = 256  # evaluation examples before training


class Recorder(Tracker):
    """Records the start of a recipe's run, and as a tracker the rest of it.

    Attributes:
      run: the record as JSON-compatible values; None before `start`. Its keys are:
        fingerprint, data, seed, platform: what ran.
        initial: mean and standard deviation of each parameter before training.
        evaluation: loss and top1 of `EXAMPLES` evaluation examples before training.
        losses, gradient_norms: of the first `STEPS` steps.
        first_update: Euclidean norm of the change of each kernel in the first step. Not of biases: before batch
          normalization, their gradients are rounding errors.
        measures: mean training losses of the parts of the whole run, and the results of its final evaluation; absent
          if the recipe is not trained here, or the run ended early.
    """

    def __init__(self, seed: int):
        self.seed, self.run = seed, None
        self.losses: list[float] = []
        self.final: dict[str, Any] = {}

    def start(self, experiment: Experiment) -> None:
        """Makes the first steps of a run with the compiled step of the experiment."""
        state = experiment.initial_state(self.seed)
        before = _by_path(state.params)
        pipeline = experiment.eval_pipeline
        metrics = evaluate_pipeline(
            experiment.eval_step,
            state.variables,
            experiment.constants(pipeline),
            pipeline,
            experiment.mesh,
            batch_size=EXAMPLES,
            indices=sample_indices(len(pipeline.split), EXAMPLES),
        )
        self.run = {
            "fingerprint": fingerprint(experiment.recipe),
            "data": data_name(experiment.dataset.spec),
            "seed": self.seed,
            "platform": jax.default_backend(),
            "initial": {path: [_mean(values), _std(values)] for path, values in before.items()},
            "evaluation": {name: float(metrics[name]) for name in ("loss", "top1")},
            "losses": [],
            "gradient_norms": [],
        }
        constants = experiment.constants(experiment.train_pipeline)
        batch_size = experiment.recipe.budget.batch_size
        with contextlib.closing(training_batches(experiment.train_pipeline, batch_size, seed=self.seed)) as batches:
            for step in range(min(STEPS, experiment.total_steps)):
                state, executed = execute(experiment, state, constants, step, [next(batches)])
                ((_, values),) = executed.records()
                self.run["losses"].append(values["loss"])
                self.run["gradient_norms"].append(values["grad_norm"])
                if step == 0:
                    after = _by_path(state.params)
                    kernels = [path for path, values in before.items() if values.ndim > 1]
                    self.run["first_update"] = {
                        path: float(np.linalg.norm((after[path] - before[path]).astype(np.float64))) for path in kernels
                    }

    def begin(self, experiment: Experiment, first_step: int) -> None:
        self.losses, self.final = [], {}  # of this run: further seeds may follow the first, which is kept

    def train(self, record: dict[str, Any]) -> None:
        self.losses.append(record["loss"])

    def evaluation(self, record: dict[str, Any]) -> None:
        self.final = record

    def end(self, verdict: Verdict) -> None:
        if self.run is not None and verdict.value is not None and "measures" not in self.run:
            final = {f"final {name}": float(self.final[name]) for name in ("loss", "top1")}
            self.run["measures"] = losses_of_parts(self.losses) | final


def _by_path(params):
    return traverse_util.flatten_dict(jax.device_get(params), sep="/")


def _mean(values):
    return float(values.mean(dtype=np.float64))


def _std(values):
    return float(values.std(dtype=np.float64))
