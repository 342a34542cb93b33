"""Verification of recipes that start from trained weights."""

import pytest
from programs import run_python

import zoo
from verification.ledger import fingerprint
from verification.suite import check_recipe, with_weights
from zoo.errors import ZooError
from zoo.recipe import Transfer

RECIPE = zoo.load_recipe("efficientnet_lite0_finetune")


def test_reference_runs_count_wherever_the_weights_lie():
    somewhere = RECIPE.override({"transfer.source": "/somewhere.pth"})
    assert fingerprint(somewhere) == fingerprint(RECIPE.override({"transfer.source": "/elsewhere.pth"}))
    assert fingerprint(somewhere) == fingerprint(RECIPE)
    assert fingerprint(RECIPE.override({"transfer.sha256": 64 * "0"})) != fingerprint(RECIPE)
    # Without a digest, only the location tells weights apart.
    first, second = (zoo.load_recipe("lenet5").override({"transfer": Transfer(source)}) for source in ("a", "b"))
    assert fingerprint(first) != fingerprint(second)


def test_a_recipe_without_its_weights_is_checked_and_not_trained():
    checks = list(check_recipe("efficientnet_lite0_finetune", ["traces", "convergence"]))
    others = [check for check in checks if check.group == "traces" and check.name != "data"]  # of unknown files
    assert {check.status for check in others} == {"pass"}
    (training,) = (check for check in checks if check.group == "convergence")
    assert training.status == "skip" and "not run here: this recipe starts from trained weights" in training.detail


def test_weights_of_a_recipe():
    assert with_weights(RECIPE, None) == RECIPE
    assert with_weights(RECIPE, "file.pth").transfer.source == "file.pth"
    with pytest.raises(ZooError, match="--weights is for recipes that start from trained weights"):
        with_weights(zoo.load_recipe("lenet5"), "file.pth")


def test_the_flag_weights_is_for_one_recipe():
    for flags in ([], ["--recipe=lenet5", "--recipe=alexnet"]):
        done = run_python("-m", "verification", "--weights=file.pth", *flags)
        assert done.returncode == 2 and "--weights requires exactly one --recipe=NAME" in done.stderr
