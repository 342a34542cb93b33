"""The momentum of batch normalization is that of each network's source, and another one is found."""

import fnmatch

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

import zoo
from verification.check import Group
from verification.facts.running_statistics import NETWORKS, PYTORCH_DEFAULT, momentum_of
from verification.faults import inject
from verification.initialization import check_momentum
from zoo.data.sources import open_data
from zoo.layers import BatchNorm
from zoo.models.registry import find_entry
from zoo.recipe import Model
from zoo.references import torch_libraries
from zoo.training.prepare import prepare


def momenta(name):
    found = set()

    def record(next_function, arguments, options, context):
        if isinstance(context.module, BatchNorm):
            found.add(context.module.momentum)
        return next_function(*arguments, **options)

    model = zoo.create_model(name)
    with nn.intercept_methods(record):
        images = jnp.zeros((1, *find_entry(name).input_shape))
        jax.eval_shape(lambda: model.init(jax.random.key(0), images, train=False))
    return found


def test_every_network_with_batch_norm_has_the_momentum_of_its_source():
    without = set()
    for name in zoo.list_models():
        if found := momenta(name):
            assert found == {momentum_of(Model(name)).value}, name
        else:
            without.add(name)
    assert not [name for name in without if momentum_of(Model(name))], "a pattern matches a network without batch norm"
    assert all(any(fnmatch.fnmatchcase(name, each) for name in zoo.list_models()) for each in NETWORKS)


def test_a_recipes_own_momentum_counts():
    assert momentum_of(Model("mobilenet_v3_small", options={"momentum": 0.9})).value == 0.9
    assert momentum_of(Model("resnet50")) is PYTORCH_DEFAULT and momentum_of(Model("alexnet")) is None


@pytest.mark.parametrize("name", ["resnet18", "inception_v3", "mnasnet1_0", "mobilenet_v3_small", "efficientnet_b5"])
def test_torchvision_has_the_same_momentum(name):
    torch = pytest.importorskip("torch")
    network = torch_libraries.build(name).network
    found = [layer.momentum for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert found == pytest.approx([1 - momentum_of(Model(name)).value] * len(found))


@pytest.mark.parametrize("factor", ["10", "0.1", "2"])
def test_another_momentum_is_found(factor):
    recipe = zoo.load_recipe("resnet20")
    experiment = prepare(recipe, open_data(recipe.data), decode_ahead=False)
    group = Group("resnet20", "initialization")
    assert check_momentum(group, experiment).status == "pass"
    with inject(f"batch_norm_momentum:{factor}"):
        assert check_momentum(group, experiment).status == "fail"
