"""A prepared run before training: data, network, devices and compiled steps."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util
from jax.sharding import Mesh

from zoo import parallel
from zoo.data.dataset import Dataset
from zoo.data.normalization import Statistics
from zoo.data.pipeline import InputPipeline
from zoo.layers.initializers import OwnInitializer
from zoo.layers.lowering import Lowering, convolution_lowering, lowering_of_programs
from zoo.recipe import Recipe, ReduceOnPlateau
from zoo.training.step.initialization import draw_parameters, initial_variables
from zoo.training.step.inputs import Constants, make_constants
from zoo.training.step.objective import Objective
from zoo.training.step.state import TrainState, create_state
from zoo.training.step.step import make_eval_step, make_train_step, several_steps
from zoo.training.transfer import Start


@dataclass(frozen=True)
class Experiment:
    """A recipe with its data, network and devices. Its steps are compiled once for any number of seeds.

    Attributes:
      recipe, mesh: arguments of `zoo.training.prepare.prepare`.
      dataset: the data, with the training examples that the recipe selects.
      model: the network, with as many outputs as the data has classes.
      train_pipeline, eval_pipeline: input pipelines of the splits, with the transforms that run on the device.
      validation_pipeline: input pipeline of the validation split, held out of the training split; None without one.
      statistics: of the training images.
      class_weights: of the loss, float32 [K]; None if all are 1.
      input_shape: (height, width, channels) of the network's input.
      total_steps: of the run.
      optimizer, learning_rate: the recipe's, for that many steps.
      strategy: see `zoo.parallel.data_parallel`.
      convolution: implementation of convolutions, pools and normalizations, see `zoo.layers.lowering`.
      own_initializers: the network's initializers by parameter path, as far as they are known; for parameters that the
        recipe leaves to the network.
      start: weights that training starts from instead of the initialization; None for none.
      frozen: the parameters that are not trained, such as "conv1/kernel".
      steps_per_execution: maximum number of training steps in one program; 0 for all steps from one evaluation to the
        next.
    """

    recipe: Recipe
    dataset: Dataset
    mesh: Mesh
    model: nn.Module
    train_pipeline: InputPipeline
    eval_pipeline: InputPipeline
    validation_pipeline: InputPipeline | None
    statistics: Statistics
    class_weights: np.ndarray | None
    input_shape: tuple[int, int, int]
    total_steps: int
    optimizer: optax.GradientTransformation
    learning_rate: Callable[[jax.Array], jax.Array]
    strategy: str
    convolution: Lowering
    own_initializers: Mapping[str, OwnInitializer]
    start: Start | None = None
    frozen: frozenset[str] = frozenset()
    steps_per_execution: int = 1

    def initial_state(self, seed: int) -> TrainState:
        """Creates the state before the first step, replicated on all devices."""
        params = traverse_util.flatten_dict(self.abstract_state.params, sep="/")
        loaded = self.start.variables if self.start else {}
        missing = {path: shape for path, shape in params.items() if ("params", *path.split("/")) not in loaded}
        drawn = draw_parameters(self.recipe.initialization, self.own_initializers, seed, missing)
        taken = {**{("params", *path.split("/")): values for path, values in drawn.items()}, **loaded}
        return self._initial_program(jnp.uint32(seed), taken)

    @functools.cached_property
    def _initial_program(self) -> Callable[..., TrainState]:
        return parallel.replicated_program(self._create_state, self.mesh)

    @functools.cached_property
    def _initial_variables(self) -> Callable[[jax.Array], dict[str, Any]]:
        return initial_variables(self.model, self.input_shape)

    @functools.cached_property
    def abstract_state(self) -> TrainState:
        """The shapes and dtypes of a state."""
        return jax.eval_shape(self._create_state, jnp.uint32(0), {})

    def _create_state(self, seed, taken):
        recipe = self.recipe
        return create_state(
            self._initial_variables,
            self.optimizer,
            seed,
            taken=taken,
            average=recipe.weight_average is not None,
            rate_factor=isinstance(recipe.schedule, ReduceOnPlateau),
            best=recipe.early_stopping is not None,
        )

    @property
    def objective(self) -> Objective:
        """The training objective."""
        recipe = self.recipe
        return Objective(
            recipe.loss, recipe.regularization.label_smoothing, recipe.auxiliary_weight, self.class_weights
        )

    def constants(self, pipeline: InputPipeline) -> Constants:
        """Returns the inputs of every step over a pipeline: statistics, and the images if they are resident."""
        return parallel.replicate(make_constants(self.statistics, pipeline), self.mesh)

    @functools.cached_property
    def train_step(self) -> Callable:
        """The compiled training step (state, constants, batch) -> (state, metrics); it donates the state."""
        return self._compile(self.train_body, donate=True)

    @functools.cached_property
    def train_steps(self) -> Callable:
        """The compiled program of several training steps, see `several_steps`; it donates the state."""
        return self._compile(several_steps(self.train_body), donate=True, of_steps=True)

    @property
    def train_body(self) -> Callable:
        """The per-device function of a training step, from `make_train_step`."""
        return make_train_step(
            self.model,
            self.train_pipeline.transforms,
            self.optimizer,
            self.learning_rate,
            self.objective,
            accumulation=self.recipe.budget.accumulation,
            mixing=self.recipe.augmentation.mixing,
            weight_average=self.recipe.weight_average,
            frozen=self.frozen,
        )

    @functools.cached_property
    def eval_step(self) -> Callable:
        """The compiled evaluation step (variables, constants, batch) -> Sums, for `eval_pipeline`."""
        return self._eval_step(self.eval_pipeline)

    @functools.cached_property
    def validation_step(self) -> Callable:
        """The compiled evaluation step for `validation_pipeline`, whose device transforms may differ."""
        return self._eval_step(self.validation_pipeline)

    def _eval_step(self, pipeline):
        body = make_eval_step(self.model, pipeline.transforms, self.recipe.loss)
        return self._compile(body, donate=False)

    def _compile(self, body, donate, of_steps=False):
        return compile_step(body, self.mesh, self.convolution, self.strategy, donate=donate, of_steps=of_steps)


def compile_step(
    body: Callable,
    mesh: Mesh,
    convolution: Lowering | None = None,
    strategy: str = "shard_map",
    *,
    donate: bool = False,
    of_steps: bool = False,
) -> Callable:
    """Compiles the per-device function of a step for all devices.

    Args:
      body: from `zoo.training.step.step`.
      mesh, strategy, donate, of_steps: see `zoo.parallel.data_parallel`.
      convolution: see `zoo.layers.lowering`; None for the platform's default.
    """
    convolution = convolution or lowering_of_programs(mesh.devices.flat[0].platform)
    body = convolution_lowering(convolution)(body)
    return parallel.data_parallel(body, mesh, donate=donate, strategy=strategy, of_steps=of_steps)
