"""The exact GELU, x times the normal distribution function: Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2."""

import math

import jax
import jax.numpy as jnp


@jax.custom_jvp
def normal_cdf(x: jax.Array) -> jax.Array:
    """Returns the standard normal distribution function of each value, of the dtype of `x`.

    Its derivative is written out, since that of `lax.erfc` in JAX 0.12.0 cannot be traced inside `jax.shard_map`.
    """
    return 0.5 * jax.lax.erfc(-x * math.sqrt(0.5))


normal_cdf.defjvps(lambda tangent, _, x: tangent * jnp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


def gelu(x: jax.Array) -> jax.Array:
    """Returns x Φ(x), as `flax.linen.gelu(x, approximate=False)`, of the shape and dtype of `x`."""
    return x * normal_cdf(x)
