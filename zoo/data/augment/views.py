"""Test-time augmentation: predictions averaged over several views of an image."""

import jax
import jax.numpy as jnp

from zoo.recipe.augmentation import TenCrop


def average_views(transform: TenCrop, logits: jax.Array) -> jax.Array:
    """Reduces logits [n, views, K] to [n, K]: mean logits, or log of the mean probabilities, as `transform` says."""
    logits = logits.astype(jnp.float32)
    if transform.average == "logits":
        return logits.mean(1)
    return jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=1) - jnp.log(logits.shape[1])
