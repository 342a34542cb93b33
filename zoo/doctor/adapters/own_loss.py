"""A loss of the user's own in the place of a recipe's."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from zoo.training.experiment import Experiment
from zoo.training.step.loss import example_losses
from zoo.training.step.objective import Objective


@dataclass(frozen=True)
class OwnLoss:
    """A loss given as a function (outputs [n, K], labels [n]) -> scalar or [n].

    A scalar is taken as it is: it stands for the loss of each example, so that the mean over the batch is the scalar.
    """

    function: Callable


@example_losses.register
def _own(loss: OwnLoss, logits: jax.Array, targets: jax.Array) -> jax.Array:  # type: ignore[misc]  # no part of recipes
    losses = jnp.asarray(loss.function(logits, jnp.argmax(targets, -1)), jnp.float32)
    return jnp.broadcast_to(losses, logits.shape[:1]) if losses.ndim == 0 else losses


@dataclass(frozen=True)
class WithOwnLoss(Experiment):
    """An experiment whose objective has a loss of the user's own instead of the recipe's.

    Attributes:
      own_loss: the loss.
    """

    own_loss: OwnLoss | None = None

    @property
    def objective(self) -> Objective:
        return super().objective._replace(loss=self.own_loss)  # type: ignore[arg-type]


def with_own_loss(experiment: Experiment, function: Callable) -> Experiment:
    """Returns an experiment that minimizes a loss of the user's own."""
    fields = {name: getattr(experiment, name) for name in Experiment.__dataclass_fields__}
    return WithOwnLoss(**fields, own_loss=OwnLoss(function))
