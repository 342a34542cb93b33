"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

import fnmatch
import functools

import pytest

from verification.architecture import check_layers
from verification.pool import check_networks, check_recipes
from verification.stand_in import SIZES
from verification.suite import check_recipe
from zoo.models.registry import list_models
from zoo.recipe import list_recipes, load_recipe


def settle(checks):
    """Fails, with what was found, if a check failed."""
    checks = list(checks)
    assert checks
    failed = [f"{check.name}: {check.detail}" for check in checks if check.status == "fail"]
    assert not failed, "\n".join(failed)
    if all(check.status in ("skip", "undecided") for check in checks):
        pytest.skip(checks[0].detail)


def in_order(request, test, check):
    """A function that gives the checks of one name; those of all names that `test` is asked for are made side by side."""
    items = [item for item in request.session.items if getattr(item, "function", None) is test]
    names = [item.callspec.params["name"] for item in items]
    done, coming = {}, zip(names, check(names), strict=True)

    def checks_of(name):
        while name not in done:
            done.update([next(coming)])
        return done[name]

    return checks_of


def marked(names, **marks):
    """The names, each with the first mark that says so of it."""
    return [
        pytest.param(name, marks=[getattr(pytest.mark, mark) for mark, holds in marks.items() if holds(name)][:1])
        for name in names
    ]


# A lighter network of the same module stands for each of these, which have more of the same blocks, or wider ones; and
# `inception_v3` for the two that came after it, which are the longest to compile.
HEAVY_NETWORKS = (
    "convnext_small", "convnext_base", "densenet169", "densenet201", "densenet_bc_100_12", "efficientnet_b[1-7]",
    "efficientnet_lite0", "inception_resnet_v2", "inception_v4", "mobilenet_v3_large", "resnet34", "resnet101",
    "resnet152", "resnet32", "resnet44", "resnet56", "resnet110", "resnext50_32x4d", "squeezenet1_0", "vgg11", "vgg13*",
    "vgg16*", "vgg19*", "wide_resnet50_2", "wrn_28_10",
)  # fmt: skip


def is_heavy(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in HEAVY_NETWORKS)


@pytest.mark.parametrize("name", filter(is_heavy, list_models()))
def test_layers(name):
    """What needs no arithmetic is looked at of the heavy networks, too; it is part of the next test."""
    settle(check_layers(name))


@pytest.fixture(scope="session")
def architecture(request):
    return in_order(request, test_architecture, check_networks)


@pytest.mark.parametrize("name", marked(list_models(), slow=is_heavy))
def test_architecture(name, architecture):
    settle(architecture(name))


@pytest.fixture(scope="session")
def start(request):
    return in_order(request, test_start, functools.partial(check_recipes, groups=("initialization", "traces")))


# Recipes of each kind: for tables, for small and large images, for data that is not at hand; with SGD, Adam, AdamW and
# RMSprop. Drawing and testing every weight of all the others takes minutes.
STARTED = ("alexnet", "alexnet_imagenet", "bn_cnn", "convnext_tiny", "densenet121", "efficientnet_b0", "lenet5", "mlp",
           "mobilenet_v3_small", "resnet20", "resnet9_cifar10_fast", "squeezenet1_1")  # fmt: skip


def is_started_in_full(name):
    """Whether it is for data that is seldom at hand, for which stand-ins are made."""
    return name not in STARTED and load_recipe(name).data.source in SIZES


@pytest.mark.parametrize("name", marked(list_recipes(), full=is_started_in_full, slow=lambda name: name not in STARTED))
def test_start(name, start):
    settle(start(name))


TRAINED = ("bn_cnn", "lenet5", "mlp")  # in seconds
TRAINED_SLOWLY = ("alexnet",)  # in minutes; the rest are `full`


def is_trained_in_full(name):
    return name not in TRAINED + TRAINED_SLOWLY


@pytest.mark.parametrize("name", marked(list_recipes(), slow=TRAINED_SLOWLY.__contains__, full=is_trained_in_full))
def test_convergence(name):
    settle(check_recipe(name, ["convergence"]))
