"""Tests that initial parameters are compared with the sources of each network, and that wrong ones are found."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

import zoo
from verification.architecture.behaviour import create_shallow
from verification.check import Group
from verification.facts.initializers import NETWORKS, laws_of, normal
from verification.initialization import check_initialization, check_parameters, check_statistics, first_loss
from verification.initialization.distributions import find_problems
from verification.suite import check_recipe
from zoo.layers.initializers import Gaussian, Uniform, VarianceScaling
from zoo.models.registry import find_entry
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step import initialization as sampling
from zoo.training.step.initialization import own_initializers


@functools.cache
def initial(name="mobilenet_v3_small"):
    """Returns a recipe that leaves everything to the network, and its initial parameters and statistics, by path."""
    recipe = zoo.load_recipe(name)
    experiment = prepare(recipe, zoo.open_source("fashion_mnist"))
    state = experiment.initial_state(1000)
    flat = [traverse_util.flatten_dict(jax.device_get(tree), sep="/") for tree in (state.params, state.batch_stats)]
    return recipe, *flat


def problems(recipe, params):
    shapes = {path: values.shape for path, values in params.items()}
    check = check_parameters(Group("net", "initialization"), recipe, params, shapes)
    return check.detail if check.status == "fail" else ""


def changed(params, path, change):
    assert path in params
    return params | {path: np.asarray(change(params[path]), np.float32)}


def test_right_parameters_pass():
    recipe, params, statistics = initial()
    assert problems(recipe, params) == ""
    assert check_statistics(Group("net", "initialization"), statistics).status == "pass"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("block5/expand/conv/kernel", lambda values: 0.1 * values),
        ("block5/expand/conv/kernel", lambda values: 1.05 * values),
        ("fc1/kernel", lambda values: 30 * values),
        ("block5/expand/bn/scale", lambda values: 0.5 * values),
        ("block5/expand/bn/bias", lambda values: values + 0.1),
        ("fc2/bias", lambda values: values + 0.1),
    ],
)
def test_wrong_parameters_are_found(path, change):
    recipe, params, _ = initial()
    assert problems(recipe, changed(params, path, change)).startswith(f"{path}: ")


def test_a_network_whose_own_initializers_are_wrong_is_found(monkeypatch):
    """The expected distributions are those of the network's source, not those that the network declares."""
    real = sampling.sampler_and_scale

    def tenth(distribution, shape):
        name, scale = real(distribution, shape)
        return name, scale * 0.1 if isinstance(distribution, VarianceScaling) else scale

    monkeypatch.setattr(sampling, "sampler_and_scale", tenth)
    checks = list(check_recipe("mobilenet_v1", ["initialization"]))
    assert {check.name for check in checks if check.status == "fail"} == {"distributions"}


def test_wrong_running_statistics_are_found():
    _, _, statistics = initial()
    for path in ("conv1/bn/mean", "conv1/bn/var"):
        check = check_statistics(Group("net", "initialization"), changed(statistics, path, lambda values: values + 0.5))
        assert check.status == "fail" and path in check.detail


def test_parameters_without_a_stated_distribution_are_found():
    recipe = zoo.load_recipe("lenet5").override({"initialization": Initialization(), "model": Model("unlisted")})
    params = {"conv/kernel": np.zeros((3, 3, 1, 2), np.float32), "conv/bias": np.zeros(2, np.float32)}
    assert problems(recipe, params).startswith("conv/kernel: neither the recipe nor")
    named = recipe.override({"initialization": Initialization(kernel=Constant(0.0))})
    assert problems(named, params) == ""


def test_options_change_the_expected_constants():
    paths = ["stage1_0/layer_scale", "stage1_0/norm/scale"]
    law = laws_of(Model("convnext_tiny", options={"initial_scale": 0.1}), paths)
    assert [law[path].numerator for path in paths] == [0.1, 1.0]
    assert laws_of(Model("convnext_tiny"), paths)[paths[0]].numerator == 1e-6
    scales = ["layer1_0/bn2/scale", "layer1_0/bn3/scale"]
    for name, expected in (("resnet18", [0, 1]), ("resnet50", [1, 0])):
        law = laws_of(Model(name, options={"zero_init_residual": True}), scales)
        assert [law[path].numerator for path in scales] == expected


def test_every_network_has_stated_distributions():
    assert NETWORKS.keys() == set(zoo.list_models())
    assert all(known.source and known.laws for known in NETWORKS.values())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("alexnet_owt", "googlenet", "mnasnet1_0") else pytest.mark.slow)
        for name in {find_entry(name).module: name for name in sorted(zoo.list_models(), reverse=True)}.values()
    ],
)
def test_networks_declare_the_stated_distributions(name):
    """One network of each module: stated and declared variances agree, and no parameter is without one."""
    heads = {"aux_heads": True} if "aux_heads" in find_entry(name).module.__dataclass_fields__ else {}
    model, shape = create_shallow(name, **heads), (1, *find_entry(name).input_shape)
    with own_initializers() as recorded:
        variables = jax.eval_shape(functools.partial(model.init, train=False), jax.random.key(0), jnp.zeros(shape))
    params = traverse_util.flatten_dict(variables["params"], sep="/")
    laws = laws_of(Model(name), list(params))
    assert None not in laws.values()
    for path in recorded.keys() & params.keys():  # a block also has the initializer of its convolution
        kernel = params[f"{path.rpartition('/')[0]}/kernel"].shape
        form, variance = declared(recorded[path], kernel)
        assert laws[path].form == form and laws[path].variance(kernel) == pytest.approx(variance), path


def declared(initializer, kernel):
    match initializer:
        case Gaussian(stddev):
            return "normal", stddev**2
        case Uniform(bound):
            return "uniform", bound**2 / 3
    fan_in, fan_out = np.prod(kernel[:-1]), np.prod(kernel[:-2]) * kernel[-1]
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[initializer.fan]
    return initializer.distribution.replace("_", " "), initializer.scale / fan


@pytest.mark.parametrize("found", [0.1, 1.2, 4.5, float("nan")])
def test_a_first_loss_that_is_too_low_or_too_high_is_found(monkeypatch, found):
    experiment = prepare(zoo.load_recipe("lenet5"), zoo.open_source("fashion_mnist"))
    monkeypatch.setattr(first_loss, "evaluate_pipeline", lambda *arguments, **options: {"loss": found})
    statuses = {check.name: check.status for check in check_initialization("lenet5", experiment, 1000)}
    assert statuses == {"distributions": "pass", "loss": "fail"}


def test_values_that_are_not_finite_are_found():
    """NaN is on neither side of a test's bound."""
    values = np.random.default_rng(0).standard_normal((10, 100)).astype(np.float32)
    assert not find_problems("fc/kernel", values, normal(1.0), 1e-5)
    values[3, 5] = np.nan
    assert find_problems("fc/kernel", values, normal(1.0), 1e-5) == ["fc/kernel: some values are not finite"]
