"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

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


# Of each kind one, for those who try whether all is well: plain, with batch normalization, residual, depthwise, with
# branches, with response normalization. The rest are `slow`; what needs no arithmetic is looked at of all of them.
LOOKED_INTO = ("alexnet", "bn_cnn", "convnext_tiny", "googlenet_bn", "lenet5", "mlp", "mobilenet_v3_small", "resnet18",
               "resnet20", "squeezenet1_1")  # fmt: skip


def is_left_to_slow(name):
    return name not in LOOKED_INTO


@pytest.mark.parametrize("name", filter(is_left_to_slow, list_models()))
def test_layers(name):
    """What needs no arithmetic, of the other networks, too; it is part of the next test."""
    settle(check_layers(name))


@pytest.fixture(scope="session")
def architecture(request):
    return in_order(request, test_architecture, check_networks)


@pytest.mark.parametrize("name", marked(list_models(), slow=is_left_to_slow))
def test_architecture(name, architecture):
    settle(architecture(name))


@pytest.fixture(scope="session")
def start(request):
    return in_order(request, test_start, functools.partial(check_recipes, groups=("initialization", "traces")))


# Recipes of each kind: for tables, for images that are there and that are not; with SGD and Adam.
STARTED = ("alexnet_imagenet", "bn_cnn", "lenet5", "mlp", "mobilenet_v3_small")


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
