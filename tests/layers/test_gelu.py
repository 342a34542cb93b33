"""Tests of the exact GELU, in particular of its derivative within compiled training steps."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from arrays import assert_close, assert_same

from zoo import parallel
from zoo.layers.gelu import gelu


def test_gelu_is_that_of_flax():
    x = jnp.linspace(-12, 12, 4001)
    assert_same(gelu, lambda x: nn.gelu(x, approximate=False), x, tolerance=1e-6)
    x = x.astype(jnp.bfloat16)
    assert_close(gelu(x), nn.gelu(x, approximate=False), 1e-2)


def test_gelu_has_a_second_derivative():
    x = jnp.linspace(-3, 3, 7)
    ours, others = (
        jax.vmap(jax.grad(jax.grad(function)))(x) for function in (gelu, lambda x: nn.gelu(x, approximate=False))
    )
    assert_close(ours, others, 1e-6)


def test_gelu_is_differentiated_within_shard_map():
    """The derivative of the error function of JAX 0.12.0 is not."""
    x, axis = jnp.linspace(-3, 3, 8), jax.sharding.PartitionSpec(parallel.AXIS)
    mesh = parallel.make_mesh(jax.devices()[:1])
    derivative = jax.jit(jax.shard_map(jax.vmap(jax.grad(gelu)), mesh=mesh, in_specs=axis, out_specs=axis))
    assert_close(derivative(x), jax.vmap(jax.grad(gelu))(x), 1e-6)
