"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

import functools

import pytest

from verification.architecture import check_layers
from verification.pool import check_networks, check_recipes
from verification.suite import check_recipe
from zoo.catalog import list_recipes
from zoo.models.registry import list_models


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


# Of each kind one, for those who try whether all is well: plain, with batch normalization, residual.
LOOKED_INTO = ("alexnet", "bn_cnn", "lenet5", "mlp", "resnet18")

# Deeper or wider than another of the same module, which is checked in whole: of these, CI compares what needs no arithmetic,
# the layers, and `tests/weights/test_weights.py` what other implementations call them.
LARGER = (
    "convnext_base", "convnext_small", "densenet169", "densenet201", *(f"efficientnet_b{n}" for n in range(1, 8)),
    "mobilenet_v3_large", "resnet34", "resnet101", "resnet152", "resnet32", "resnet44", "resnet56", "resnet110",
    "resnext50_32x4d", "squeezenet1_0", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "wide_resnet50_2",
    "wrn_28_10",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGER)
def test_layers(name):
    """A part of the next test."""
    settle(check_layers(name))


@pytest.fixture(scope="session")
def architecture(request):
    return in_order(request, test_architecture, check_networks)


@pytest.mark.parametrize(
    "name", marked(list_models(), full=LARGER.__contains__, slow=lambda name: name not in LOOKED_INTO)
)
def test_architecture(name, architecture):
    settle(architecture(name))


@pytest.fixture(scope="session")
def start(request):
    return in_order(request, test_start, functools.partial(check_recipes, groups=("initialization", "traces")))


STARTED = ("lenet5", "mlp")
# Those of each kind: for data that is not at hand, with SGD, AdamW and RMSprop, with auxiliary heads.
STARTED_SLOWLY = ("alexnet_imagenet", "bn_cnn", "convnext_tiny", "efficientnet_b0", "googlenet")


def is_started_in_full(name):
    return name not in STARTED + STARTED_SLOWLY


@pytest.mark.parametrize("name", marked(list_recipes(), slow=STARTED_SLOWLY.__contains__, full=is_started_in_full))
def test_start(name, start):
    settle(start(name))


TRAINED = ("lenet5", "mlp")  # in seconds; the rest take minutes and more
TRAINED_SLOWLY = ("bn_cnn",)


def is_trained_in_full(name):
    return name not in TRAINED + TRAINED_SLOWLY


@pytest.mark.parametrize("name", marked(list_recipes(), slow=TRAINED_SLOWLY.__contains__, full=is_trained_in_full))
def test_convergence(name):
    settle(check_recipe(name, ["convergence"]))
