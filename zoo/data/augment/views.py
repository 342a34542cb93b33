"""Several views of one image, for which the network's answers are averaged."""

import jax
import jax.numpy as jnp

from zoo.recipe.augmentation import TenCrop


def average_views(transform: TenCrop, logits: jax.Array) -> jax.Array:
    """Logits [n, views, K] as [n, K], whose softmax is the average that the transform asks for."""
    logits = logits.astype(jnp.float32)
    if transform.average == "logits":
        return logits.mean(1)
    return jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=1) - jnp.log(logits.shape[1])
