"""Random arrays and comparison functions for tests of layers."""

import jax
import jax.numpy as jnp
import numpy as np


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def assert_close(found, expected, tolerance=2e-6):
    """Asserts equal shapes and dtypes, and values within `tolerance` times the largest expected magnitude."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=tolerance * float(jnp.abs(expected).max()), rtol=0)


def assert_same(function, reference, *arguments, tolerance=2e-6):
    """Asserts that two functions have equal values, and equal gradients for a random cotangent."""
    ours, transpose = jax.vjp(function, *arguments)
    theirs, reference_transpose = jax.vjp(reference, *arguments)
    cotangent = normal(*ours.shape, seed=9)
    for mine, other in zip((ours, *transpose(cotangent)), (theirs, *reference_transpose(cotangent)), strict=True):
        assert_close(mine, other, tolerance)
