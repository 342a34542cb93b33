"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

import pytest

from verification.pool import check_networks
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


# One recipe for data that is seldom at hand stands for all: each takes minutes. `python -m verification` leaves none out.
SLOW = {name for name in list_recipes() if load_recipe(name).data.source in SIZES} - {"alexnet_imagenet"}


@pytest.mark.parametrize(
    "recipe", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in list_recipes()]
)
@pytest.mark.parametrize("group", ["initialization", "traces", "convergence"])
def test_recipe(recipe, group):
    settle(check_recipe(recipe, [group]))
