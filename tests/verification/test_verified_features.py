"""Tests of the checks of network inputs from tables: right inputs pass, and those of another recipe fail."""

import dataclasses

import numpy as np
import pytest
from examples import features_dataset, tabular

from verification.check import Group
from verification.faults import inject
from verification.suite import check_recipe
from verification.traces.features import check_features
from verification.traces.splits import check_splits
from zoo.recipe import *
from zoo.training.prepare import prepare

RANDOM = np.random.default_rng(0)
# Skewed, so that mean and median differ; with different scales, a constant feature, and missing values.
ROWS = (RANDOM.exponential(1, (300, 4)) * [1000, 1, 0.01, 0] + [5, 0, -1, 3]).astype(np.float32)
ROWS[RANDOM.random(ROWS.shape) < 0.1] = np.nan
LABELS = np.arange(300) % 2
DATASET = features_dataset(ROWS[:200], LABELS[:200], ROWS[200:], LABELS[200:])

RECIPES = {
    "mean": tabular(data__missing=ImputeMean()),
    "median": tabular(data__missing=ImputeMedian()),
    "range": tabular(data__missing=ImputeMedian(), normalization=FeatureRange()),
    "unscaled": tabular(data__missing=ImputeMedian(), normalization=Unscaled()),
    "winsorized": tabular(data__missing=ImputeMedian(), data__outliers=Winsorize(0.05, 0.9)),
    "trimmed": tabular(data__missing=ImputeMedian(), data__outliers=Trim(0.0, 0.95)),
    "validation": tabular(data__missing=ImputeMedian(), data__validation=0.2),
    "mixed": tabular(data__missing=ImputeMedian(), augmentation__mixing=Mixup(0.4)),
}


def statuses(experiment):
    group = Group("tiny", "traces")
    return {
        check.name: check.status
        for check in (check_splits(group, experiment.dataset), *check_features(group, experiment))
    }


@pytest.mark.parametrize("name", RECIPES)
def test_correct_inputs_pass(name):
    found = statuses(prepare(RECIPES[name], DATASET))
    assert set(found.values()) == {"pass"} and list(found)[:3] == ["splits", "input", "missing"]
    assert list(found)[3:] == (["Mixup"] if name == "mixed" else [])


@pytest.mark.parametrize(
    ("actual", "claimed"),
    [
        ("mean", "median"),
        ("unscaled", "median"),
        ("median", "range"),
        ("median", "winsorized"),
        ("winsorized", "median"),
    ],
)
def test_inputs_of_another_recipe_fail(actual, claimed):
    experiment = prepare(RECIPES[actual], DATASET)
    assert statuses(dataclasses.replace(experiment, recipe=RECIPES[claimed]))["input"] == "fail"


def test_missing_imputation_fails():
    experiment = prepare(RECIPES["median"], DATASET)
    statistics = experiment.statistics._replace(fill=np.full(4, np.nan, np.float32))
    found = statuses(dataclasses.replace(experiment, statistics=statistics))
    assert found["missing"] == "fail" and found["input"] == "fail"


def test_examples_in_both_splits_fail():
    both = features_dataset(ROWS[:200], LABELS[:200], ROWS[:100], LABELS[:100])
    assert statuses(prepare(RECIPES["median"], both))["splits"] == "fail"


@pytest.mark.parametrize(("fault", "name"), [("raw_pixels", "input"), ("evaluated_on_training_images", "splits")])
def test_faults_are_detected_in_a_recipe_for_a_table(fault, name):
    with inject(fault):
        assert name in [check.name for check in check_recipe("mlp", ["traces"]) if check.status == "fail"]
