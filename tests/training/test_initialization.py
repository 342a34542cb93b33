"""Initial distributions against their formulas, and the power of verification's tests."""

import fnmatch
import functools
import itertools
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

import zoo
from verification.architecture.behaviour import create_shallow
from verification.facts.initializers import Law, constant, normal
from verification.initialization.distributions import find_problems, law_of
from zoo.errors import ZooError
from zoo.layers.initializers import Gaussian, Uniform, VarianceScaling
from zoo.models.registry import find_entry
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step.initialization import distribution_of, draw, draw_parameters, own_initializers

DISTRIBUTIONS = [
    HeNormal(), HeUniform(), GlorotNormal(), GlorotUniform(), LeCunNormal(), LeCunUniform(), Normal(0.01),
    TruncatedNormal(0.02), HeNormal(truncated=True), GlorotNormal(truncated=True), LeCunNormal(truncated=True),
    Orthogonal(), Orthogonal(scale=2**0.5),
]  # fmt: skip
# Significance level of each test below: 39 distributions x at most 3 tests give a false alarm for one seed in 85.
ALPHA = 1e-4


def problems_of(values, distribution, alpha=ALPHA):
    return find_problems("kernel", values, law_of(distribution), alpha)


def law_of_own(initializer):
    """Returns the law that a network's initializer documents."""
    match initializer:
        case Gaussian(stddev):
            return normal(stddev)
        case Uniform(bound):
            return Law("uniform", bound**2 / 3)
        case VarianceScaling(scale, "fan_avg", kind):
            return Law(kind.replace("_", " "), 2 * scale, "fan_sum")
        case VarianceScaling(scale, fan, kind):
            return Law(kind.replace("_", " "), scale, fan)


def initialize(model, rules, shape):
    """Initializes a model, with `rules` for the parameters that they cover."""
    variables = model.init(jax.random.key(3), jnp.zeros((1, *shape)), train=False)
    params = traverse_util.flatten_dict(variables["params"], sep="/")
    return variables | {"params": traverse_util.unflatten_dict(params | draw_parameters(rules, {}, 3, params), sep="/")}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
@pytest.mark.parametrize("shape", [(3, 3, 64, 96), (400, 300), (5, 5, 48, 256)])
def test_samples_have_the_named_distribution(distribution, shape):
    values = draw(distribution, jax.random.key(0), shape)
    assert problems_of(values, distribution) == []


@pytest.mark.parametrize("shape", [(3, 3, 16, 30), (100, 7), (1, 1)], ids=str)
def test_samples_match_flax(shape):
    """Samples match those of Flax up to rounding: Flax scales within the program that samples, one per shape."""
    scaling = nn.initializers.variance_scaling
    for ours, theirs in (
        (HeNormal(), scaling(2.0, "fan_in", "normal")),
        (HeNormal(truncated=True), nn.initializers.he_normal()),
        (HeUniform(), nn.initializers.he_uniform()),
        (GlorotNormal(), scaling(1.0, "fan_avg", "normal")),
        (GlorotNormal(truncated=True), nn.initializers.glorot_normal()),
        (GlorotUniform(), nn.initializers.glorot_uniform()),
        (LeCunNormal(), scaling(1.0, "fan_in", "normal")),
        (LeCunNormal(truncated=True), nn.initializers.lecun_normal()),
        (LeCunUniform(), nn.initializers.lecun_uniform()),
        (Normal(0.3), nn.initializers.normal(0.3)),
        (TruncatedNormal(0.3), nn.initializers.truncated_normal(0.3)),
        (Orthogonal(2.0), nn.initializers.orthogonal(2.0)),
        (Constant(0.5), nn.initializers.constant(0.5)),
    ):
        key = jax.random.key(5)
        expected = np.asarray(theirs(key, shape, jnp.float32))
        np.testing.assert_allclose(draw(ours, key, shape), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(3, 3, 16, 30), (100, 7), (1, 1)], ids=str)
def test_initializers_of_networks_match_their_samples(shape):
    scaled = [
        VarianceScaling(scale, fan, kind)
        for scale, fan, kind in itertools.product(
            (1 / 3, 2.0), ("fan_in", "fan_out", "fan_avg"), ("normal", "truncated_normal", "uniform")
        )
    ]
    for initializer in (*scaled, Gaussian(0.3), Uniform(0.2)):
        key = jax.random.key(5)
        expected = np.asarray(initializer(key, shape))
        np.testing.assert_allclose(draw(initializer, key, shape), expected, rtol=0, atol=1e-6 * np.abs(expected).max())
        values, law = draw(initializer, key, (50, 60)), law_of_own(initializer)
        assert find_problems("kernel", values, law, ALPHA) == []
        assert find_problems("kernel", 1.2 * values, law, ALPHA)


@pytest.mark.slow
def test_networks_declare_the_initializers_of_their_kernels():
    """All families do so except LeNet-5, whose initialization is unique; its parameters are left to `model.init`."""
    families = {find_entry(name).module: name for name in zoo.list_models() if name != "lenet5"}
    for name in families.values():
        model, shape = create_shallow(name), (1, *find_entry(name).input_shape)
        with own_initializers() as recorded:
            variables = jax.eval_shape(functools.partial(model.init, train=False), jax.random.key(0), jnp.zeros(shape))
        params = traverse_util.flatten_dict(variables["params"], sep="/")
        assert {path for path in params if path.endswith("kernel")} <= recorded.keys(), name


@pytest.mark.parametrize(
    "initializer", [Gaussian(0.1), Uniform(0.3), VarianceScaling(2.0, "fan_in", "truncated_normal")], ids=repr
)
@pytest.mark.parametrize("shape", [(3, 4), (3, 3, 1, 16)], ids=str)
def test_rate_of_false_alarms(initializer, shape):
    """With at most 3 tests at level 0.01, more than 60 false alarms in 1,000 seeds have probability 1e-7."""
    draws = np.asarray(jax.vmap(lambda key: initializer(key, shape))(jax.random.split(jax.random.key(1), 1000)))
    assert sum(bool(find_problems("kernel", values, law_of_own(initializer), 0.01)) for values in draws) <= 60


def test_variances():
    assert law_of(HeNormal()).variance((3, 3, 64, 96)) == 2 / (9 * 64)
    assert law_of(GlorotUniform()).variance((3, 3, 64, 96)) == pytest.approx(2 / (9 * (64 + 96)))
    assert law_of(LeCunNormal()).variance((400, 300)) == 1 / 400
    assert Law("normal", 2.0, "fan_out").variance((3, 3, 64, 96)) == 2 / (9 * 96)
    assert Law("uniform", 0.09 / 3).variance((7,)) == pytest.approx(0.03)
    assert Law("uniform", 1.0, "fan_in", power=2).variance((5, 5, 4, 9)) == 1e-4
    assert constant(0.3).variance((7,)) == 0


def test_truncated_samples_end_at_two_standard_deviations():
    shape, key = (3, 3, 64, 96), jax.random.key(0)
    plain = draw(TruncatedNormal(0.02), key, shape)
    assert 0.0399 < float(jnp.abs(plain).max()) <= 0.04
    # A Gaussian truncated to [-2, 2] has variance 1 - 4 phi(2) / (Phi(2) - Phi(-2)) = 0.77374.
    assert law_of(TruncatedNormal(0.02)).variance(shape) == pytest.approx(0.02**2 * 0.7737413)
    corrected = draw(HeNormal(truncated=True), key, shape)
    limit = 2 * np.sqrt(2 / (9 * 64) / 0.7737413)
    assert 0.997 * limit < float(jnp.abs(corrected).max()) <= limit * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(3, 3, 16, 32), (3, 3, 4, 64), (50, 50)], ids=str)
def test_orthogonal_kernels_preserve_norms(shape):
    kernel = np.asarray(draw(Orthogonal(scale=1.5), jax.random.key(0), shape), float)
    matrix = kernel.reshape(-1, shape[-1])
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(tall.T @ tall, 1.5**2 * np.eye(tall.shape[1]), atol=1e-5)


def test_wrong_truncated_and_orthogonal_samples_are_found():
    shape, key = (3, 3, 64, 96), jax.random.key(0)
    for distribution in (TruncatedNormal(0.02), HeNormal(truncated=True), Orthogonal()):
        right = draw(distribution, key, shape)
        assert not problems_of(right, distribution)
        assert problems_of(1.02 * right, distribution)
    normal = draw(Normal(0.02), key, shape)
    assert problems_of(normal, TruncatedNormal(0.02))
    assert problems_of(draw(TruncatedNormal(0.02), key, shape), Normal(0.02))
    assert problems_of(draw(HeNormal(), key, shape), HeNormal(truncated=True))
    assert "orthogonal vectors" in problems_of(normal, Orthogonal())[0]
    length = 3 * 3 * 64  # orthogonal, but not random: the reflection along the vector of ones
    reflection = np.eye(length) - np.ones((length, length)) * 2 / length
    assert "its mean is off" in problems_of(-reflection, Orthogonal())[0]


def test_fan_based_distributions_are_only_for_kernels():
    for distribution in (HeNormal(), GlorotUniform(), Orthogonal()):
        with pytest.raises(ZooError, match="Initialization.bias must be Normal, TruncatedNormal or Constant, not"):
            Initialization(bias=distribution)
    recipe = zoo.load_recipe("alexnet").override({"initialization.exceptions": {"conv1/*": Orthogonal()}})
    with pytest.raises(ZooError, match="initialization: conv1/bias is a vector, but Orthogonal needs a kernel"):
        prepare(recipe, zoo.open_source("fashion_mnist"))


RESIDUAL_ENDS = {  # (pattern, number of blocks), as in the docstring of `Initialization`
    "resnet18": ("layer*_*/bn2/scale", 8),
    "resnet50": ("layer*_*/bn3/scale", 16),
    "wide_resnet50_2": ("layer*_*/bn3/scale", 16),
    "resnext50_32x4d": ("layer*_*/bn3/scale", 16),
    "resnet20": ("layer*_*/bn2/scale", 9),
    "wrn_16_4": ("layer*_*/conv2/kernel", 6),
    "resnetv2_50": ("layer*_*/conv3/kernel", 16),
}


# Networks similar to resnet18 are tested with `-m slow`.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in ("resnet50", "wide_resnet50_2", "resnext50_32x4d")))
        for name in RESIDUAL_ENDS
    ],
)
def test_residual_branches_that_start_at_zero(name):
    """With zero-initialized branch ends, the logits do not depend on the weights inside the branches."""
    pattern, blocks = RESIDUAL_ENDS[name]
    assert f'"{pattern}"' in Initialization.__doc__
    options = {"width": 4} if name.startswith("wrn") else {"width": 8}
    if name.startswith("resnext"):
        options["groups"] = 4
    model, shape = zoo.create_model(name, num_classes=3, **options), (32, 32, 3)
    images = jax.random.normal(jax.random.key(1), (2, *shape))
    inside = re.compile(r"layer\d_\d+/conv1/kernel")

    def change_of_logits(exceptions):
        variables = initialize(model, Initialization(exceptions=exceptions), shape)
        flat = traverse_util.flatten_dict(variables["params"], sep="/")
        zero = [path for path in flat if fnmatch.fnmatchcase(path, pattern) and not jnp.any(flat[path])]
        other = {path: -value if inside.fullmatch(path) else value for path, value in flat.items()}
        one, two = (
            model.apply({**variables, "params": traverse_util.unflatten_dict(params, sep="/")}, images)
            for params in (flat, other)
        )
        return len(zero), float(jnp.abs(one - two).max())

    assert change_of_logits({pattern: Constant(0.0)}) == (blocks, 0.0)
    without = change_of_logits({})
    assert without[0] == 0 and without[1] > 1e-3


def test_wrong_samples_are_found():
    shape, key = (3, 3, 64, 96), jax.random.key(0)
    he = draw(HeNormal(), key, shape)
    truncated = nn.initializers.he_normal()(key, shape, jnp.float32)  # Flax truncates at two standard deviations
    for values in (1.02 * he, he + 0.002, truncated, draw(HeUniform(), key, shape)):
        assert problems_of(values, HeNormal())
    assert find_problems("bias", np.array([1.0, 1.0, 0.0]), constant(1.0), ALPHA) == ["bias: 1 values are not 1"]


def test_exceptions_take_precedence_and_the_network_is_the_default():
    rules = Initialization(kernel=HeNormal(), exceptions={"fc*/kernel": Normal(0.5), "fc8/kernel": Normal(0.1)})
    assert distribution_of(rules, "conv1/kernel") == HeNormal()
    assert distribution_of(rules, "fc7/kernel") == Normal(0.5)
    assert distribution_of(rules, "fc8/kernel") == Normal(0.1)
    assert distribution_of(rules, "conv1/bias") is None
    model = zoo.create_model("alexnet", hidden=16)
    params = initialize(model, rules, (67, 67, 3))["params"]
    assert float(params["fc7"]["kernel"].std()) == pytest.approx(0.5, rel=0.2)
    assert bool(jnp.all(params["conv2"]["bias"] == 1)) and bool(jnp.all(params["conv1"]["bias"] == 0))


def test_initial_values_do_not_depend_on_other_layers():
    rules = Initialization(kernel=HeNormal())
    wide, narrow = (
        initialize(zoo.create_model("alexnet", hidden=hidden), rules, (67, 67, 3))["params"] for hidden in (8, 16)
    )
    np.testing.assert_array_equal(wide["conv5"]["kernel"], narrow["conv5"]["kernel"])
    flat = traverse_util.flatten_dict(narrow, sep="/")
    kernels = [np.asarray(value).ravel()[:4] for path, value in flat.items() if path.endswith("kernel")]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)
