"""Per-example losses for the loss of a recipe."""

import functools

import jax
import jax.numpy as jnp
import optax

from zoo.recipe import Focal, GeneralizedCrossEntropy, Huber, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.recipe.loss import Loss


@functools.singledispatch
def example_losses(loss: Loss, logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Computes the loss of each example; register an implementation to add a loss.

    Args:
      loss: the recipe's.
      logits: float32 [n, K].
      targets: float32 [n, K], rows that sum to 1; one-hot where `loss.hard_labels`.

    Returns:
      float32 [n].
    """
    raise TypeError(type(loss).__name__)


@example_losses.register
def _softmax_cross_entropy(loss: SoftmaxCrossEntropy, logits: jax.Array, targets: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy(logits, targets)


@example_losses.register
def _sigmoid_cross_entropy(loss: SigmoidCrossEntropy, logits: jax.Array, targets: jax.Array) -> jax.Array:
    return optax.sigmoid_binary_cross_entropy(logits, targets).sum(-1)


@example_losses.register
def _focal(loss: Focal, logits: jax.Array, targets: jax.Array) -> jax.Array:
    log_p = _log_probability(logits, targets)
    # 1 - p as -expm1(log p): the difference would cancel as p approaches 1. Where p rounds to exactly 1, the derivative
    # of a power below 1 would be infinite, so 0 is replaced by the smallest normal number.
    rest = jnp.maximum(-jnp.expm1(log_p), jnp.finfo(log_p.dtype).tiny)
    return -(rest**loss.gamma) * log_p


@example_losses.register
def _huber(loss: Huber, logits: jax.Array, targets: jax.Array) -> jax.Array:
    return optax.huber_loss(logits, targets, delta=loss.delta).mean(-1)


@example_losses.register
def _generalized_cross_entropy(loss: GeneralizedCrossEntropy, logits: jax.Array, targets: jax.Array) -> jax.Array:
    return -jnp.expm1(loss.q * _log_probability(logits, targets)) / loss.q


def _log_probability(logits, targets):
    """Returns the log-probability of the target class under the softmax, [n]."""
    return (jax.nn.log_softmax(logits) * targets).sum(-1)
