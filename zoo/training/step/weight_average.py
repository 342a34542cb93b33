"""The exponential moving average of a network's variables over training."""

from typing import Any

import jax
import jax.numpy as jnp

from zoo.recipe.weight_average import WeightAverage


def average_weights(
    averaging: WeightAverage, average: dict[str, Any], variables: dict[str, Any], steps: jax.Array
) -> dict[str, Any]:
    """Updates the exponential moving average of the variables after a step.

    Args:
      averaging: the recipe's.
      average: {"params": ..., "batch_stats": ...}, the average before the step.
      variables: {"params": ..., "batch_stats": ...}, the variables after the step.
      steps: int32, optimizer steps done, including this one.
    """
    decay = jnp.minimum(averaging.decay, (1 + steps) / (10 + steps)) if averaging.ramp else averaging.decay
    return jax.tree.map(lambda mean, new: mean + (1 - decay) * (new - mean), average, variables)
