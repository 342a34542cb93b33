"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

import jax
import pytest

from verification.pool import check_networks
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


@pytest.fixture(scope="session")
def architecture(request):
    """A function that gives a network's checks; those of all networks that are asked for are made side by side."""
    tests = [test for test in request.session.items if getattr(test, "originalname", None) == "test_architecture"]
    models = [test.callspec.params["model"] for test in tests]
    done, coming = {}, zip(models, check_networks(models), strict=True)

    def checks_of(model):
        while model not in done:
            done.update([next(coming)])
        return done[model]

    return checks_of


@pytest.mark.parametrize("model", list_models())
def test_architecture(model, architecture):
    settle(architecture(model))


def is_slow(name, group):
    """Whether it takes minutes. Of recipes for data that is seldom at hand, one stands for all; of those that train for more
    than some seconds, AlexNet's. `python -m verification --tier=full` leaves none out.
    """
    recipe = load_recipe(name)
    if name in ("alexnet", "alexnet_imagenet"):
        return False
    return recipe.data.source in SIZES or (group == "convergence" and leave_out(name, recipe, jax.default_backend()))


@pytest.mark.parametrize(
    ("recipe", "group"),
    [
        pytest.param(name, group, marks=pytest.mark.slow if is_slow(name, group) else ())
        for name in list_recipes()
        for group in ("initialization", "traces", "convergence")
    ],
)
def test_recipe(recipe, group):
    settle(check_recipe(recipe, [group]))
