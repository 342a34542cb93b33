"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

import functools

import jax
import pytest

from verification.pool import check_networks, check_recipes
from verification.stand_in import SIZES
from verification.suite import check_recipe, leave_out
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


@pytest.fixture(scope="session")
def architecture(request):
    return in_order(request, test_architecture, check_networks)


@pytest.mark.parametrize("name", list_models())
def test_architecture(name, architecture):
    settle(architecture(name))


@pytest.fixture(scope="session")
def start(request):
    return in_order(request, test_start, functools.partial(check_recipes, groups=("initialization", "traces")))


def recipes(is_slow):
    """All recipes; those that take minutes are left out unless asked for. `--tier=full` of the program leaves none out."""
    return [pytest.param(name, marks=pytest.mark.slow if is_slow(name) else ()) for name in list_recipes()]


def is_large(name):
    """Whether it is for data that is seldom at hand; one recipe stands for all of them."""
    return load_recipe(name).data.source in SIZES and name != "alexnet_imagenet"


def is_long(name):
    """Whether it trains for more than some seconds; AlexNet's stands for all of those."""
    return is_large(name) or (name != "alexnet" and leave_out(name, load_recipe(name), jax.default_backend()))


@pytest.mark.parametrize("name", recipes(is_large))
def test_start(name, start):
    settle(start(name))


@pytest.mark.parametrize("name", recipes(is_long))
def test_convergence(name):
    settle(check_recipe(name, ["convergence"]))
