"""A small network in the place of a large one, and fewer micro-batches, to check a recipe's steps quickly."""

import dataclasses

import flax.linen as nn
import jax

from zoo.layers.normalization import BatchNorm
from zoo.recipe import Initialization
from zoo.training.experiment import Experiment


class StandIn(nn.Module):
    """A convolution, batch normalization, ReLU, global average pool, dropout and a linear layer.

    Attributes:
      classes: number of logits.
    """

    classes: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = nn.Conv(16, (7, 7), strides=4, name="conv")(x)
        x = nn.relu(BatchNorm(use_running_average=not train, name="bn")(x)).mean((1, 2))
        x = nn.Dropout(0.2, deterministic=not train, name="dropout")(x)
        return nn.Dense(self.classes, name="fc")(x)


def in_two_parts(experiment: Experiment) -> Experiment:
    """Returns the experiment with gradients accumulated over two micro-batches of the same size, if there are more.

    A batch of the checks has at least an example for each, or a pair, and some recipes have 16 or 32 parts of large
    images.
    """
    budget = experiment.recipe.budget
    if budget.accumulation <= 2:
        return experiment
    changes = {"budget.accumulation": 2, "budget.batch_size": 2 * (budget.batch_size // budget.accumulation)}
    return dataclasses.replace(experiment, recipe=experiment.recipe.override(changes))


def with_stand_in(experiment: Experiment) -> Experiment:
    """Returns the experiment with `StandIn` for its network, without transfer and auxiliary classifiers.

    Its programs have XLA's own convolutions, so that they are kept in the compilation cache.
    """
    changes = {"auxiliary_weight": None, "transfer": None, "initialization": Initialization()}
    return dataclasses.replace(
        experiment,
        recipe=experiment.recipe.override(changes),
        model=StandIn(len(experiment.dataset.class_names)),
        own_initializers={},
        start=None,
        frozen=frozenset(),
        convolution="xla",
    )
