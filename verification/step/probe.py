"""The compiled training step of an experiment as a function: what it reports, and the gradient that it hands on."""

import copy
import dataclasses
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from flax import traverse_util

from zoo import parallel
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Batch, training_batches
from zoo.training.experiment import Experiment
from zoo.training.step.state import TrainState

MAX_VALUES = 2**16  # input values of a batch; batches of larger images are cut, since the checks make 100 steps
MIN_EXAMPLES = 4
SMALL, SMALL_WEIGHTS = 20, 10**6  # parameters of a small network, such as conv1/kernel, and their values
QUICK_WEIGHTS = 2 * 10**5  # the same, of a network whose own step the quick tier compiles


class Recorded(NamedTuple):
    """The state of a recording optimizer: the last gradient that it was given, and the optimizer's own state."""

    gradient: Any
    inner: Any


def of_second_device(batch: Batch) -> Batch:
    """Returns a batch with the positions that its examples have on the second of several devices.

    Random numbers depend on them.
    """
    return batch._replace(position=batch.position + np.int32(len(batch.position)))


def recording(optimizer: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Wraps an optimizer so that its state also holds the gradient of the last update."""
    optimizer = optax.with_extra_args_support(optimizer)

    def init(params):
        return Recorded(jax.tree.map(jax.numpy.zeros_like, params), optimizer.init(params))

    def update(gradient, state, params=None, **others):
        updates, inner = optimizer.update(gradient, state.inner, params, **others)
        return updates, Recorded(gradient, inner)

    return optax.GradientTransformationExtraArgs(init, update)


class Outcome(NamedTuple):
    """The results of one training step, on the host.

    Attributes:
      loss, top1, learning_rate: as reported.
      gradient, params, batch_stats: by path; the gradient is that handed to the optimizer.
      state: the new state, with a `Recorded` optimizer state.
    """

    loss: float
    top1: float
    learning_rate: float
    gradient: dict[str, np.ndarray]
    params: dict[str, np.ndarray]
    batch_stats: dict[str, np.ndarray]
    state: TrainState


class Probe:
    """The training step of an experiment, compiled as for training, with a recording optimizer.

    Attributes:
      experiment: with the recording optimizer.
      batch_size: of the batches that the step is called with: the recipe's, or less for large images.
      optimizer: the experiment's own.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.optimizer = experiment.optimizer
        self.experiment = dataclasses.replace(experiment, optimizer=recording(experiment.optimizer))
        self.batch_size = batch_size(experiment)
        self.constants = experiment.constants(experiment.train_pipeline)

    def with_statistics(self, statistics: Statistics) -> "Probe":
        """Returns the same compiled step with other normalization statistics."""
        other = copy.copy(self)
        other.constants = self.constants._replace(statistics=parallel.replicate(statistics, self.experiment.mesh))
        return other

    def initial_state(self, seed: int) -> TrainState:
        """Returns the state before training, on the host."""
        return jax.device_get(self.experiment.initial_state(seed))

    def batches(self, seed: int, count: int) -> list[Batch]:
        """Returns the first batches of a run, cut to `batch_size` examples each."""
        given = self.experiment.recipe.budget.batch_size
        # The first of many hosts reads the first examples of each batch: not images that are cut off.
        hosts = given // self.batch_size
        some = training_batches(self.experiment.train_pipeline, given, seed=seed, hosts=hosts)
        batches = [jax.tree.map(lambda array: np.asarray(array)[: self.batch_size], next(some)) for _ in range(count)]
        some.close()
        return batches

    def step(self, state: TrainState, batch: Batch) -> Outcome:
        """Executes the compiled step on a state and a batch, both on the host."""
        new, metrics = self._execute(parallel.replicate(state, self.experiment.mesh), batch)
        new = jax.device_get(new)
        params, stats = (traverse_util.flatten_dict(dict(tree), sep="/") for tree in (new.params, new.batch_stats))
        gradient = traverse_util.flatten_dict(dict(new.opt_state.gradient), sep="/")
        numbers = (metrics[name].item() for name in ("loss", "top1", "learning_rate"))
        return Outcome(*numbers, gradient, params, stats, new)

    def losses(self, state: TrainState, some_params: Iterable[dict[str, np.ndarray]], batch: Batch) -> list[float]:
        """Returns the losses that the compiled step reports for a state with each of some parameters, by path.

        The optimizer's state does not decide on a loss: each step takes the one that the step before left on the
        devices. To bring it there takes longer than the step itself, where there are many weights and few examples.
        """
        mesh, losses = self.experiment.mesh, []
        opt_state = parallel.replicate(state.opt_state, mesh)
        for params in some_params:  # the next are made while the device is busy
            moved = state.replace(params=traverse_util.unflatten_dict(params, sep="/"), opt_state=None)
            new, metrics = self._start(parallel.replicate(moved, mesh).replace(opt_state=opt_state), batch)
            losses.append(metrics["loss"])
            opt_state = new.opt_state
        return [loss.item() for loss in losses]

    def loss(self, state: TrainState, batch: Batch) -> float:
        """Returns the loss that the compiled step reports for a state and a batch."""
        return self._execute(parallel.replicate(state, self.experiment.mesh), batch)[1]["loss"].item()

    def _execute(self, state, batch):
        new, metrics = self._start(state, batch)
        return new, jax.device_get(metrics)

    def _start(self, state, batch):
        """Starts a step, with its results on the devices."""
        mesh = self.experiment.mesh
        return self.experiment.train_step(state, self.constants, parallel.shard_batch(batch, mesh))


def small(experiment: Experiment, weights: int = SMALL_WEIGHTS) -> bool:
    """Returns whether a network has few layers and at most so many weights: more programs of it are affordable."""
    leaves = jax.tree.leaves(experiment.abstract_state.params)
    return len(leaves) <= SMALL and sum(leaf.size for leaf in leaves) <= weights


def generic_state(state: TrainState, seed: int) -> TrainState:
    """Returns a state whose parameters are moved at random by a tenth, so that none is zero or equal to another.

    At the start of training, some gradients vanish: those behind a zero-initialized scale or head.
    """
    random = np.random.default_rng(seed)

    def move(value):
        spread = 0.1 * max(float(np.sqrt(np.mean(np.square(value, dtype=np.float64)))), 0.1)
        return value + np.float32(spread) * random.standard_normal(value.shape, np.float32)

    return state.replace(params=jax.tree.map(move, state.params))


def late_step(experiment: Experiment) -> int:
    """Returns the number of steps done at three quarters of a run, where what changes at half of it shows."""
    return experiment.total_steps * 3 // 4


def batch_size(experiment: Experiment) -> int:
    """Returns how many examples of a batch the checks use: all, or fewer large images, in the same micro-batches."""
    budget = experiment.recipe.budget
    pairs = 2 if experiment.recipe.augmentation.mixing is not None else 1
    multiple = budget.accumulation * experiment.mesh.size * pairs
    wanted = max(MIN_EXAMPLES, MAX_VALUES // math.prod(experiment.input_shape))
    return min(budget.batch_size, -(-wanted // multiple) * multiple)
