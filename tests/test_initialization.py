"""Distributions against their formulas, and that verification's tests of them can fail."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

import zoo
from verification.initialization import find_problems, variance
from zoo.initialization import distribution_of, initialize, initializer
from zoo.recipe import *

DISTRIBUTIONS = [
    HeNormal(), HeUniform(), GlorotNormal(), GlorotUniform(), LeCunNormal(), LeCunUniform(), Normal(0.01),
]  # fmt: skip
ALPHA = 1e-4  # of each test below; 21 distributions x 3 tests raise a false alarm once in 160 changes of the seed


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
@pytest.mark.parametrize("shape", [(3, 3, 64, 96), (400, 300), (5, 5, 48, 256)])
def test_draws_are_distributed_as_named(distribution, shape):
    values = initializer(distribution)(jax.random.key(0), shape, jnp.float32)
    assert find_problems("kernel", values, distribution, ALPHA) == []


def test_the_formulas():
    assert variance(HeNormal(), (3, 3, 64, 96)) == 2 / (9 * 64)
    assert variance(GlorotUniform(), (3, 3, 64, 96)) == 2 / (9 * (64 + 96))
    assert variance(LeCunNormal(), (400, 300)) == 1 / 400


def test_wrong_draws_are_found():
    shape, key = (3, 3, 64, 96), jax.random.key(0)
    he = initializer(HeNormal())(key, shape, jnp.float32)
    truncated = nn.initializers.he_normal()(key, shape, jnp.float32)  # flax truncates at two deviations
    for values in (1.02 * he, he + 0.002, truncated, initializer(HeUniform())(key, shape, jnp.float32)):
        assert find_problems("kernel", values, HeNormal(), ALPHA)
    assert find_problems("bias", np.array([1.0, 1.0, 0.0]), Constant(1.0), ALPHA) == ["bias: 1 values are not 1"]


def test_exceptions_win_and_the_rest_is_the_networks_own():
    rules = Initialization(kernel=HeNormal(), exceptions={"fc*/kernel": Normal(0.5), "fc8/kernel": Normal(0.1)})
    assert distribution_of(rules, "conv1/kernel") == HeNormal()
    assert distribution_of(rules, "fc7/kernel") == Normal(0.5)
    assert distribution_of(rules, "fc8/kernel") == Normal(0.1)
    assert distribution_of(rules, "conv1/bias") is None
    model = zoo.create_model("alexnet", hidden=16)
    params = initialize(model, rules, jax.random.key(0), (67, 67, 3))["params"]
    assert float(params["fc7"]["kernel"].std()) == pytest.approx(0.5, rel=0.2)
    assert bool(jnp.all(params["conv2"]["bias"] == 1)) and bool(jnp.all(params["conv1"]["bias"] == 0))


def test_a_parameters_values_do_not_depend_on_other_layers():
    rules = Initialization(kernel=HeNormal())
    wide, narrow = (
        initialize(zoo.create_model("alexnet", hidden=hidden), rules, jax.random.key(3), (67, 67, 3))["params"]
        for hidden in (8, 16)
    )
    np.testing.assert_array_equal(wide["conv5"]["kernel"], narrow["conv5"]["kernel"])
    flat = traverse_util.flatten_dict(narrow, sep="/")
    kernels = [np.asarray(value).ravel()[:4] for path, value in flat.items() if path.endswith("kernel")]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)
