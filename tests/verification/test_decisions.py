"""Tests of the check of what evaluations decide: it repeats the rules, and sees where a run keeps to others."""

import pytest
from small_step import GROUP, TABLE

from verification.faults import inject
from verification.step.decisions import check_decisions, decides
from zoo.catalog import load_recipe
from zoo.recipe import *

PLATEAU = load_recipe("bn_cnn")
OFTEN = TABLE.override({"budget.evaluate_every": 0.02})
STOPPING = OFTEN.override({"early_stopping": EarlyStopping("top1", patience=3)})
FAULTS = [
    (PLATEAU, "plateau_count_not_reset"),
    (PLATEAU, "plateau_compares_with_previous"),
    (PLATEAU, "plateau_threshold"),
    (PLATEAU, "plateau_patience"),
    (PLATEAU, "plateau_direction"),
    (STOPPING, "worst_weights_kept"),
    (STOPPING, "stopping_patience"),
    (STOPPING, "stopping_counts_all_failures"),
    (STOPPING, "never_stops"),
]


@pytest.mark.parametrize(
    "recipe",
    [
        PLATEAU,
        PLATEAU.override({"schedule.metric": "top1", "schedule.patience": 1, "schedule.final": 1e-2}),
        PLATEAU.override({"schedule.minimum_change": 0.05}),
        STOPPING,
        PLATEAU.override({"schedule.metric": "top5", "schedule.patience": 18}),
        OFTEN.override({"early_stopping": EarlyStopping("balanced_accuracy", patience=30)}),
        OFTEN.override({"early_stopping": EarlyStopping("loss", patience=5, minimum_change=0.1)}),
        PLATEAU.override({"early_stopping": EarlyStopping("loss", patience=15)}),
    ],
)
def test_decisions_of_recipes_are_those_of_their_rules(recipe):
    check = check_decisions(GROUP, recipe)
    assert decides(recipe) and check.status == "pass", check.detail


@pytest.mark.parametrize(("recipe", "fault"), FAULTS)
def test_other_decisions_are_found(recipe, fault):
    with inject(fault):
        assert check_decisions(GROUP, recipe).status == "fail"


def test_recipes_without_decisions_have_none():
    assert not decides(TABLE)
