"""Tests of what the quick tier checks once for several networks or recipes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from verification import suite
from verification.architecture import check_architecture
from verification.architecture.behaviour import EVERY_KIND, create_shallow, shallow_twin
from verification.check import NoClosedForm
from verification.shared import kinds_of_parts, network_before, random_parts, recipes_before, with_ramp
from verification.step.decisions import decides
from verification.suite import check_recipe
from zoo.catalog import list_recipes, load_recipe
from zoo.models.registry import find_entry, list_models
from zoo.recipe import ReduceOnPlateau

LAYERS = {"AdaptiveAvgPool", "AvgPool", "BatchNorm", "Conv", "Dense", "Dropout", "DropPath", "LayerNorm"}
LAYERS |= {"LocalResponseNorm", "MaxPool", "SqueezeExcite"}


def test_every_kind_of_part_is_checked_in_a_recipe():
    names = list_recipes()
    left = [name for name in names if "programs" not in recipes_before(name, names)]
    assert 10 < len(left) < len(names)
    checked = {kind for name in left for kind in kinds_of_parts(load_recipe(name))}
    assert checked == {kind for name in names for kind in kinds_of_parts(load_recipe(name))}


def test_every_kind_of_decision_is_checked_in_a_run():
    """Averages of weights, plateaus and early stopping, each in the first recipe that has its kind."""
    names = list_recipes()
    recipes = {name: with_ramp(load_recipe(name)) for name in names}
    deciding = [name for name in names if recipes[name].weight_average is not None or decides(recipes[name])]
    ran = [name for name in deciding if not recipes_before(name, names).keys() & {"programs", "run"}]
    assert 2 <= len(ran) < len(deciding)
    fields = ("weight_average", "early_stopping")
    kinds = {name: {*kinds_of_parts(recipes[name], fields)} for name in deciding}
    assert set.union(*(kinds[name] for name in ran)) == set.union(*kinds.values())
    plateaus = [name for name in deciding if isinstance(recipes[name].schedule, ReduceOnPlateau)]
    assert plateaus and {*plateaus} & {*ran}


def test_kinds_differ_in_what_is_set_and_where():
    recipe = load_recipe("alexnet")
    same = recipe.override({"optimizer.momentum": 0.5, "schedule.peak": 0.3})
    assert [*kinds_of_parts(same)] == [*kinds_of_parts(recipe)]
    augmentation = recipe.augmentation
    for field, value in {
        "optimizer.momentum": 0.0,
        "optimizer.nesterov": True,
        "regularization.label_smoothing": 0.1,
        "augmentation.train": augmentation.eval,
    }.items():
        assert {*kinds_of_parts(recipe.override({field: value}))} != {*kinds_of_parts(recipe)}, field


def test_only_earlier_recipes_count():
    expected = {"programs": "vgg11", "run": "vgg11", "splits": "vgg11", "transforms": "vgg11"}
    assert recipes_before("alexnet", ["vgg11", "alexnet"]) == expected
    assert recipes_before("alexnet", ["alexnet", "vgg11"]) == {} == recipes_before("alexnet", [])
    assert "distributions" not in recipes_before("vgg11", ["alexnet", "vgg11"])
    names = ["inception_v3_imagenet", "inception_v3_imagenette"]  # they differ in the number of classes
    assert recipes_before(names[1], names)["distributions"] == names[0]
    names = ["resnet20", "resnet20_cifar10"]
    assert recipes_before("resnet20_cifar10", names) == {"distributions": "resnet20", "run": "resnet20"}
    assert recipes_before("vgg11", ["alexnet", "vgg11"])["splits"] == "alexnet"


def test_every_random_transform_is_checked_in_a_recipe():
    names = list_recipes()
    parts = {name: {*random_parts(load_recipe(name).augmentation)} for name in names}
    left = [name for name in names if parts[name] and "transforms" not in recipes_before(name, names)]
    assert 5 < len(left) < len(names)
    assert set.union(*(parts[name] for name in left)) == set.union(*parts.values())


def test_every_file_has_a_network_whose_numbers_are_checked():
    names = list_models()
    checked = {find_entry(name).module for name in names if network_before(name, names) is None}
    assert checked == {find_entry(name).module for name in names}
    assert network_before("resnet50", ["resnet18", "resnet50"]) == "resnet18"
    assert network_before("resnet18", ["resnet18", "resnet50"]) is network_before("resnet18", []) is None


def _kinds_of_layers(model_name):
    """Returns the kinds of layers of a network: class, and size, strides and groups of its window."""
    found = set()

    def record(next_function, arguments, options, context):
        layer = context.module
        if context.method_name == "__call__" and type(layer).__name__ in LAYERS:
            size, strides = getattr(layer, "kernel_size", getattr(layer, "window", None)), getattr(layer, "strides", 1)
            size = size if isinstance(size, tuple) else (size, size)
            groups = getattr(layer, "groups", 1)
            grouping = "depthwise" if groups == arguments[0].shape[-1] > 1 else groups > 1
            found.add((type(layer).__name__, size, strides, grouping))
        return next_function(*arguments, **options)

    model, shape = create_shallow(model_name), find_entry(model_name).input_shape
    with nn.intercept_methods(record):
        jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False))
    return found


@pytest.mark.slow
def test_every_kind_of_layer_is_in_a_network_whose_behaviour_is_checked():
    """In the quick tier; a network that adds a kind of layer must be added to `EVERY_KIND`."""
    alone = [name for name in list_models() if shallow_twin(name) is None]
    assert {*EVERY_KIND} < {*alone}  # of two networks that differ in their number of blocks, only one is checked
    kinds = {name: _kinds_of_layers(name) for name in alone}
    assert {kind[0] for found in kinds.values() for kind in found} == LAYERS
    assert set.union(*kinds.values()) == set.union(*(kinds[name] for name in EVERY_KIND))


def test_the_quick_tier_names_networks_whose_behaviour_it_does_not_check():
    quick = {name: [*check_architecture(name, shown_by="another", thorough=False)][-1] for name in ("mlp", "vgg19_bn")}
    assert (quick["vgg19_bn"].name, quick["vgg19_bn"].status) == ("behaviour", "skip")
    assert ", bn_cnn, convnext_small, " in quick["vgg19_bn"].detail
    assert (quick["mlp"].name, quick["mlp"].status) == ("export", "pass")


def test_the_quick_tier_names_what_it_leaves_out():
    beside = ["alexnet", "alexnet_imagenet", "densenet_bc_100_12_cifar10"]
    checks = list(check_recipe("resnet20_cifar10", ["step"], tier="quick", beside=beside))
    skipped = {check.name: check.detail for check in checks if check.status == "skip"}
    assert skipped["programs"].startswith("its kinds of parts are in those of alexnet, alexnet_imagenet, densenet_bc")
    assert {check.name for check in checks if check.status == "pass"} == {"statistics", "order"}


def test_a_part_without_closed_form_is_undecided(monkeypatch):
    """Such as a user's own schedule, which must not end the other checks."""

    def unknown(under):
        raise NoClosedForm("no closed form of Mine")
        yield

    monkeypatch.setattr(suite, "OF_EXPERIMENT", {"traces": unknown, "step": lambda under: iter(())})
    (check,) = suite.check_experiment(suite.Prepared("mine", None), ["traces", "step"])
    assert (check.status, check.detail) == ("undecided", "no closed form of Mine")
