"""The checks of `python -m verification` as tests: `pytest --pyargs verification`."""

import pytest

from verification.architecture import check_architecture
from verification.suite import check_recipe
from zoo.models.registry import list_models
from zoo.recipe import list_recipes


def settle(checks):
    """Fails, with what was found, if a check failed."""
    checks = list(checks)
    assert checks
    failed = [f"{check.name}: {check.detail}" for check in checks if check.status == "fail"]
    assert not failed, "\n".join(failed)
    if all(check.status in ("skip", "undecided") for check in checks):
        pytest.skip(checks[0].detail)


@pytest.mark.parametrize("model", list_models())
def test_architecture(model):
    settle(check_architecture(model))


@pytest.mark.parametrize("recipe", list_recipes())
@pytest.mark.parametrize("group", ["initialization", "traces", "convergence"])
def test_recipe(recipe, group):
    settle(check_recipe(recipe, [group]))
