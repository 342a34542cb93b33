"""Tests that `data.corrupt_share`, the earlier name of `data.corrupt_fraction`, still works."""

import json
import os
import pickle
import signal
import warnings

import pytest
from examples import tabular
from programs import run_python

import zoo
from zoo.errors import TrainingInterrupted, ZooError, ZooWarning
from zoo.recipe import Data, Recipe
from zoo.recipe.assignments import parse_changes, parse_variants
from zoo.training.tracking import Tracker

FINGERPRINT = "ec4cdc7f683e"  # of the recipe below, computed before the field was renamed
WARNING = r"corrupt_share is called (data\.)?corrupt_fraction now"


@pytest.fixture(scope="module")
def changed():
    return tabular(data__corrupt_fraction=0.2)


def test_constructor_and_attribute():
    with pytest.warns(ZooWarning, match=f"Data.{WARNING}"):
        data = Data("folder:x", corrupt_share=0.2)
    assert data == Data("folder:x", corrupt_fraction=0.2)
    with pytest.warns(ZooWarning, match=f"Data.{WARNING}"):
        assert data.corrupt_share == 0.2


@pytest.mark.parametrize(
    "assignment", ["data.corrupt_share=0.2", "data=Data('synthetic:random_10', corrupt_share=0.2)"]
)
def test_command_line(changed, assignment):
    with pytest.warns(ZooWarning, match=WARNING):
        recipe = tabular().override(parse_changes(tabular(), [assignment]))
    assert recipe == changed or recipe.data == changed.data


def test_override_and_provenance(changed):
    with pytest.warns(ZooWarning, match=f"data.{WARNING}"):
        recipe = tabular().override({"data.corrupt_share": 0.2})
    assert recipe == changed and recipe.source_of("data.corrupt_fraction") == "overridden"
    stated = tabular(provenance={"data.corrupt_share": "a paper"})
    assert stated.source_of("data.corrupt_fraction") == "a paper"
    with pytest.warns(ZooWarning, match=WARNING):
        variants = parse_variants(tabular(), ["data.corrupt_share=0.2,0.3"])
    assert list(variants) == ["data.corrupt_fraction=0.2", "data.corrupt_fraction=0.3"]


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooWarning")
def test_both_names_at_once_are_rejected():
    both = "corrupt_share is the earlier name of (data.)?corrupt_fraction; give one of them"
    with pytest.raises(ZooError, match=both):
        Data("folder:x", corrupt_share=0.2, corrupt_fraction=0.2)
    with pytest.raises(ZooError, match=both):
        tabular().override({"data.corrupt_share": 0.2, "data.corrupt_fraction": 0.2})
    with pytest.raises(ZooError, match="data.corrupt_fraction is given twice"):
        parse_variants(tabular(), ["data.corrupt_share=0.2", "data.corrupt_fraction=0.2"])


def test_the_fingerprint_is_unchanged(changed):
    assert changed.fingerprint == FINGERPRINT != tabular().fingerprint
    assert pickle.loads(pickle.dumps(changed)) == changed


def earlier_json(recipe):
    """Returns the JSON that the earlier version wrote for a recipe."""
    text = json.dumps(recipe.to_json())
    assert text.count("corrupt_fraction") == 2  # the field and its provenance
    return json.loads(text.replace("corrupt_fraction", "corrupt_share"))


def test_json_of_an_earlier_run_is_read_silently(changed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recipe = Recipe.from_json(earlier_json(changed))
    assert recipe == changed and recipe.fingerprint == FINGERPRINT


class StopAtStep10(Tracker):
    def train(self, record):
        if record["step"] == 10:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_run_of_the_earlier_version_resumes_and_loads(changed, tmp_path):
    expected = zoo.fit(changed, tmp_path / "whole")
    run = tmp_path / "run"
    with pytest.raises(TrainingInterrupted):
        zoo.fit(changed, run, trackers=[StopAtStep10()])
    content = json.loads((run / "recipe.json").read_text())
    content["recipe"] = earlier_json(changed)
    (run / "recipe.json").write_text(json.dumps(content))
    assert zoo.load_run(run).step == 10
    resumed = zoo.fit(changed, run)
    assert [record["step"] for record in resumed.history if record["kind"] == "train"] == list(range(1, 21))
    assert resumed.metrics["loss"] == expected.metrics["loss"]
    loaded = zoo.load_run(run)
    assert loaded.step == 20 and loaded.recipe == changed


def test_the_warning_is_one_line_on_the_command_line():
    done = run_python("-m", "zoo.train", "--recipe=tests/tiny.py", "--set=data.corrupt_share=2")
    note, error = done.stderr.splitlines()
    assert done.returncode == 2 and note.startswith("note: data.corrupt_share is called data.corrupt_fraction now")
    assert "Data.corrupt_fraction must be in [0, 1], not 2.0" in error
