"""A small network in the place of a large one, to check everything else in a recipe's steps quickly."""

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
