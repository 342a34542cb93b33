"""Tests that run the checks of `python -m verification`: `pytest --pyargs verification`."""

import functools

import pytest

from verification.architecture import check_layers
from verification.pool import check_networks, check_recipes
from verification.suite import check_recipe
from zoo.catalog import list_recipes
from zoo.models.registry import list_models


def settle(checks):
    """Fails with the details of failed checks; skips if no check was decided."""
    checks = list(checks)
    assert checks
    failed = [f"{check.name}: {check.detail}" for check in checks if check.status == "fail"]
    assert not failed, "\n".join(failed)
    if all(check.status in ("skip", "undecided") for check in checks):
        pytest.skip(checks[0].detail)


def in_order(request, test, check):
    """Returns a function of a name that returns its checks; those of all selected names of `test` run in parallel."""
    items = [item for item in request.session.items if getattr(item, "function", None) is test]
    names = [item.callspec.params["name"] for item in items]
    done, remaining = {}, zip(names, check(names), strict=True)

    def checks_of(name):
        while name not in done:
            done.update([next(remaining)])
        return done[name]

    return checks_of


def marked(names, **marks):
    """Returns a parameter for each name, with the first of the marks whose predicate holds for it."""
    return [
        pytest.param(name, marks=[getattr(pytest.mark, mark) for mark, holds in marks.items() if holds(name)][:1])
        for name in names
    ]


# One network of each kind for quick test runs: plain, with batch normalization, residual.
LOOKED_INTO = ("alexnet", "bn_cnn", "lenet5", "mlp", "resnet18")

# Deeper or wider than another network of the same module, which has all checks. Of these, CI only compares layers, and
# `tests/weights/test_weights.py` the names in other implementations.
LARGER = (
    "convnext_base", "convnext_small", "densenet169", "densenet201", *(f"efficientnet_b{n}" for n in range(1, 8)),
    "mobilenet_v3_large", "resnet34", "resnet101", "resnet152", "resnet32", "resnet44", "resnet56", "resnet110",
    "resnext50_32x4d", "squeezenet1_0", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
    "wide_resnet50_2", "wrn_28_10",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGER)
def test_layers(name):
    """Checks the layers only, which is part of `test_architecture`."""
    settle(check_layers(name))


@pytest.fixture(scope="session")
def architecture(request):
    return in_order(request, test_architecture, check_networks)


@pytest.mark.parametrize(
    "name", marked(list_models(), full=LARGER.__contains__, slow=lambda name: name not in LOOKED_INTO)
)
def test_architecture(name, architecture):
    settle(architecture(name))


BEFORE_TRAINING = ("initialization", "traces", "step", "fingerprint")


@pytest.fixture(scope="session")
def start(request):
    return in_order(request, test_start, functools.partial(check_recipes, groups=BEFORE_TRAINING, tier="quick"))


QUICK_START = ("lenet5", "mlp")
# Without available data, with a plateau schedule, with a weight average and stochastic depth.
SLOW_START = ("alexnet_imagenet", "bn_cnn", "efficientnet_b0")


def is_full_start(name):
    return name not in QUICK_START + SLOW_START


@pytest.mark.parametrize("name", marked(list_recipes(), slow=SLOW_START.__contains__, full=is_full_start))
def test_start(name, start):
    settle(start(name))


QUICK_TRAINING = ("lenet5", "mlp")  # takes seconds; all others take minutes or more
SLOW_TRAINING = ("bn_cnn",)


def is_full_training(name):
    return name not in QUICK_TRAINING + SLOW_TRAINING


@pytest.mark.parametrize("name", marked(list_recipes(), slow=SLOW_TRAINING.__contains__, full=is_full_training))
def test_convergence(name):
    settle(check_recipe(name, ["convergence"]))
