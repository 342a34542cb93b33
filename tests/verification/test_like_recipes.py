"""Tests of `verification.check` for recipes of one's own: the fields that differ from the reference's."""

import re

import pytest

import verification
import zoo
from verification import suite
from zoo.differences import differing_fields, nearest_recipe
from zoo.recipe import *


def test_fields_that_differ_are_named():
    recipe = zoo.load_recipe("lenet5")
    assert differing_fields(recipe.override({"target": None}), recipe) == []
    assert differing_fields(recipe.override({"schedule.peak": 0.15}), recipe) == [
        "schedule.peak is 0.15, reference 0.05"
    ]
    assert differing_fields(recipe.override({"normalization": RawRange()}), recipe)[0] == (
        "normalization.kind is RawRange, reference ChannelMeanStd"
    )
    assert nearest_recipe(recipe.override({"schedule.peak": 0.15})) == "lenet5"
    assert nearest_recipe(recipe.override({"model.name": "vgg19"})) is None


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"schedule.peak": 0.15}, "schedule.peak is 0.15, reference 0.05"),
        ({"loss": Focal(2.0)}, "loss.kind is Focal"),
        ({"initialization.kernel": HeNormal()}, "initialization.kernel"),
        ({"regularization.weight_decay": 0.01}, "regularization.weight_decay is 0.01"),
        ({"optimizer.momentum": 0.8}, "optimizer.momentum is 0.8"),
    ],
)
def test_a_recipe_with_another_field_fails_first(changes, found, monkeypatch):
    """Before anything is trained: `check` ends at its first difference here."""

    class Found(Exception):
        pass

    def stop(check):
        raise Found(f"{check.group}: {check.name}: {check.status}: {check.detail}")

    with pytest.raises(Found, match=f"recipe: fields: fail: .*{re.escape(found)}"):
        verification.check(zoo.load_recipe("lenet5").override(changes), on_check=stop)


def test_a_recipe_file_without_like_is_told_what_to_compare_with(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from zoo.catalog import load_recipe\nRECIPE = load_recipe('lenet5').override({'schedule.peak': 0.15})\n"
    )
    check = next(suite.check_recipe(str(path), ["convergence"], tier="quick"))
    assert check.status == "undecided" and "compare with --like=lenet5, the nearest" in check.detail
