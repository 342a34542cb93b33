"""Tests of `verification.check`: networks, recipes and data of one's own, each with a difference that must be named."""

from typing import Any

import flax.linen as nn
import jax
import numpy as np
import pytest
from examples import tabular

import verification
import zoo
from verification import convergence, ledger, suite
from verification.like import activations, network, training, weights
from zoo.catalog import load_object
from zoo.errors import ZooError
from zoo.inspect import layer_pairs, layers
from zoo.layers import LocalResponseNorm
from zoo.recipe import *
from zoo.training.prepare import prepare

SHAPE = (67, 67, 3)  # the smallest that AlexNet accepts


class MyAlexNet(nn.Module):
    """AlexNet, written as one who does not know the zoo would write it, with mistakes to choose from."""

    num_classes: int = 10
    hidden: int = 16
    padding1: Any = "VALID"
    padding2: Any = 2
    groups: int = 2
    norm: bool = True
    relu1: bool = True
    relu3: bool = True
    pool: Any = nn.max_pool
    bias: bool = True
    dropout: float = 0.5

    @nn.compact
    def __call__(self, x, train=False):
        ones, normal = nn.initializers.ones, nn.initializers.normal(0.01)

        def conv(features, size, padding, **options):
            return nn.Conv(features, (size, size), padding=padding, kernel_init=normal, **options)

        def norm(x):
            return LocalResponseNorm()(x) if self.norm else x

        x = conv(96, 11, self.padding1, strides=4)(x)
        x = self.pool(norm(nn.relu(x) if self.relu1 else x), (3, 3), (2, 2))
        x = nn.relu(conv(256, 5, self.padding2, feature_group_count=self.groups, bias_init=ones)(x))
        x = nn.max_pool(norm(x), (3, 3), (2, 2))
        x = conv(384, 3, 1, use_bias=self.bias)(x)
        x = nn.relu(x) if self.relu3 else x
        x = nn.relu(conv(384, 3, 1, feature_group_count=2, bias_init=ones)(x))
        x = nn.relu(conv(256, 3, 1, feature_group_count=2, bias_init=ones)(x))
        x = nn.max_pool(x, (3, 3), (2, 2)).reshape(len(x), -1)
        for _ in range(2):
            x = nn.relu(nn.Dense(self.hidden, bias_init=ones, kernel_init=normal)(x))
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.num_classes, kernel_init=normal)(x)


@pytest.fixture(scope="module")
def alexnet():
    return layers.trace(zoo.create_model("alexnet", 10, hidden=16), SHAPE)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (
            {"padding1": "SAME"},
            "layer 1, Conv_0 (the reference's conv1): padding SAME, the reference VALID: gives 17x17, the reference"
            " 15x15",
        ),
        ({"padding2": "VALID"}, "padding VALID, the reference 2: gives 3x3, the reference 7x7"),
        ({"groups": 1}, "layer 2, Conv_1 (the reference's conv2): Conv 5x5x96x256, the reference Conv 5x5x48x256"),
        ({"bias": False}, "layer 3, Conv_2 (the reference's conv3): no bias"),
        ({"hidden": 32}, "layer 6, Dense_0 (the reference's fc6): Dense 256x32, the reference Dense 256x16"),
        ({"num_classes": 11}, "layer 8, Dense_2 (the reference's fc8): Dense 16x11, the reference Dense 16x10"),
        ({"pool": lambda x, *_: x}, "its input is 15x15x96, the reference's 7x7x96; the reference has norm1"),
    ],
)
def test_first_layer_that_differs_is_named(alexnet, mistake, said):
    assert said in layer_pairs.first_difference(layers.trace(MyAlexNet(**mistake), SHAPE), alexnet)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({}, None),
        ({"norm": False}, "between layer 1, conv1, and layer 2, conv2: yours has no norm1 (LocalResponseNorm)"),
        ({"relu1": False}, "between layer 1, conv1, and layer 2, conv2: yours has no relu"),
        ({"relu3": False}, "between layer 3, conv3, and layer 4, conv4: yours has no relu"),
        (
            {"pool": nn.avg_pool},
            "between layer 1, conv1, and layer 2, conv2: yours has a pool of another kind than pool1 (MaxPool), such as"
            " AvgPool",
        ),
    ],
)
def test_first_activation_that_differs_is_named(alexnet, mistake, said):
    theirs = layers.trace(MyAlexNet(**mistake), SHAPE)
    assert layer_pairs.first_difference(theirs, alexnet) is None
    images = np.random.default_rng(0).standard_normal((2, *SHAPE)).astype(np.float32)
    variables = weights.draw(weights.pair_variables(theirs, alexnet))
    found, off = activations.first_difference(theirs, alexnet, *variables, images)
    assert found == said and (off > activations.TOLERANCE) == (said is not None)


def test_an_alexnet_of_ones_own_with_a_mistake():
    """The whole function, for canonical images; it stops at the layers, which takes a second."""
    result = verification.check(MyAlexNet(hidden=4096, padding1="SAME"), like="alexnet")
    assert result.verdict == "fail" and [check.name for check in result.checks] == ["layers", "bands"]
    assert result.first_difference.startswith(
        "architecture, layers: layer 1, Conv_0 (the reference's conv1): padding SAME"
    )
    assert "gives 57x57, the reference 55x55" in str(result) and repr(result) == str(result)


class MyBNCNN(nn.Module):
    """The network of the recipe bn_cnn, with mistakes to choose from."""

    num_classes: int = 10
    momentum: float = 0.99
    epsilon: float = 1e-3
    gradient: float = 1.0
    last: Any = staticmethod(lambda x: x)
    kernel_init: Any = nn.initializers.glorot_uniform()

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.relu(nn.Conv(32, (3, 3), padding="VALID", kernel_init=self.kernel_init)(x))
        x = nn.BatchNorm(not train, momentum=self.momentum, epsilon=self.epsilon)(x)
        x = nn.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        x = self.gradient * x + (1 - self.gradient) * jax.lax.stop_gradient(x)
        return self.last(nn.Dense(self.num_classes, kernel_init=self.kernel_init)(x))


@pytest.mark.parametrize(
    ("mistake", "name", "said"),
    [
        ({}, None, None),
        ({"epsilon": 1e-5}, "activations", "epsilon 1e-05, the reference 0.001"),
        ({"momentum": 0.9}, "training mode", "moves 10 times as far"),
        ({"gradient": 0.5}, "gradients", "the gradient of BatchNorm_0"),
        ({"last": nn.softmax}, "activations", "yours has a further softmax"),
        ({"kernel_init": nn.initializers.normal(1.0)}, "own values", "Conv_0/kernel has mean"),
    ],
)
def test_batch_normalization_gradients_and_initial_values(mistake, name, said):
    checks = list(network.check_network("mine", MyBNCNN(**mistake), "bn_cnn"))
    failed = {check.name: check.detail for check in checks if check.status == "fail"}
    assert next(iter(failed), None) == name and (said is None or said in failed[name]), failed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"padding": "SAME"}, "padding SAME"),
        ({"hidden": False}, "between layer 4, f6, and layer 5, output: yours has no tanh"),
        ({"channels_first": True}, "between layer 2, c3, and layer 3, c5: values differ"),
    ],
)
def test_dense_layers_in_place_of_convolutions_and_calls_by_keyword(change, said):
    """A dense layer computes what a convolution over the whole of its input does, if that is flattened in its order."""

    class ByKeyword(nn.Module):
        padding: str = "VALID"
        hidden: bool = True
        channels_first: bool = False

        @nn.compact
        def __call__(self, images, train=False):
            x = nn.Conv(6, (5, 5), padding=self.padding)(inputs=images)
            x = nn.avg_pool(inputs=nn.tanh(x), window_shape=(2, 2), strides=(2, 2))
            x = nn.Conv(16, (5, 5), padding="VALID")(inputs=x)
            x = nn.avg_pool(inputs=nn.tanh(x), window_shape=(2, 2), strides=(2, 2))
            x = x.transpose(0, 3, 1, 2) if self.channels_first else x
            x = x.reshape(len(x), -1)
            for width in (120, 84):
                x = nn.Dense(features=width)(inputs=x)
                x = nn.tanh(x) if self.hidden or width == 120 else x
            return nn.Dense(10)(inputs=x)

    drawn = zoo.load_recipe("lenet5").initialization
    checks = list(network.check_network("mine", ByKeyword(**change), "lenet5", drawn))
    failed = [check.detail for check in checks if check.status == "fail"]
    assert failed[0].count(said) == 1 if said else not failed and len(checks) == 5, failed


def test_networks_that_cannot_be_compared():
    class NoTrain(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(10)(x)

    (check,) = network.check_network("mine", NoTrain(), "lenet5")
    assert check.status == "fail" and "cannot be called as module(images, train=False)" in check.detail
    with pytest.raises(ZooError, match="like is missing"):
        verification.check(MyAlexNet)
    with pytest.raises(ZooError, match="did you mean 'alexnet'"):
        verification.check(MyAlexNet, like="alexnett")
    with pytest.raises(ZooError, match="expected one Flax module, recipe or data set"):
        verification.check(3, like="alexnet")


def test_loading_of_a_network_by_name(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\nimport flax.linen as nn\n\nclass Net(nn.Module):\n    width: int = 3\n"
    )
    assert load_object(f"{path}:Net", "network")().width == 3
    assert load_object("flax.linen.Dense", "network") is nn.Dense
    for name, said in (
        (f"{path}:Nett", "did you mean 'Net'"),
        (f"{tmp_path}/no.py:Net", "no network file"),
        ("no_such_module.Net", "no network module"),
        ("Net", "expected FILE.py:NAME or MODULE.NAME"),
    ):
        with pytest.raises(ZooError, match=said):
            load_object(name, "network")


# Recipes: a short one for a table, with its own temporary ledger.


@pytest.fixture(scope="module")
def reference():
    """Returns a short recipe, its data, and the ledger of its five runs."""
    recipe = tabular("synthetic:ringnorm", budget__steps=40)
    dataset = zoo.open_source(recipe.data.source)
    experiment = prepare(recipe, dataset)
    return recipe, dataset, [convergence.make_reference("small", experiment, seed) for seed in range(5)]


@pytest.fixture
def small_world(reference, monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    recipe, dataset, runs = reference
    for run in runs:
        ledger.append_run("small", "cpu", run)
    return recipe, dataset


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, True),
        ({"schedule.peak": 1e-4}, False),
        ({"budget.steps": 30}, True),  # the first steps of the reference runs are compared
    ],
)
def test_runs_are_compared_with_the_bands_of_the_reference(small_world, changes, passes):
    recipe, dataset = small_world
    experiment = prepare(recipe.override(changes), dataset)
    checks = list(training.check_run("mine", experiment, "small", recipe, suite.SEED, "full"))
    assert all(check.status == "pass" for check in checks) == passes, checks
    assert ("band of final top1" in [check.name for check in checks]) == (
        len(changes) == 0 or "budget.steps" not in changes
    )
    figures = checks[0].figures
    assert (figures["low"] <= figures["value"] <= figures["high"]) == (checks[0].status == "pass")
    assert (figures["n"], figures["alpha"]) == (5, training.ALPHA)


def test_a_network_of_ones_own_gets_the_recipes_initializers_and_decay():
    ours, theirs = (layers.trace(module, (32, 32, 1)) for module in (zoo.create_model("bn_cnn"), MyBNCNN()))
    recipe = zoo.load_recipe("bn_cnn").override(
        {"regularization.weight_decay": 0.1, "regularization.decayed": ["fc2/*"]}
    )
    mapped = training.with_paths_of(recipe, weights.pair_variables(theirs, ours))
    assert mapped.initialization.exceptions["Dense_0/kernel"] == Normal(0.01)
    assert mapped.initialization.exceptions["Conv_0/kernel"] == GlorotUniform()
    assert mapped.regularization.decayed == ("Dense_0/bias", "Dense_0/kernel")
