"""Tests of the trackers in docs/trackers.md, which are run as they are there."""

import inspect
import re

import pytest
from examples import tabular
from programs import ROOT

import zoo
from zoo.training.tracking import Trackers

GUIDE = (ROOT / "docs" / "trackers.md").read_text(encoding="utf-8")
PRINTING, MLFLOW = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def small_recipe(monkeypatch):
    """The recipe that the guide's code loads."""
    recipe = tabular()
    monkeypatch.setattr(zoo, "load_recipe", lambda name: recipe)
    return recipe


def test_the_guides_first_tracker(small_recipe, capsys):
    exec(PRINTING, {})
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["eval", "10"], ["eval", "20"]]


def test_the_guides_tracker_for_mlflow(small_recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow-skinny")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    try:
        names = {}
        exec(MLFLOW, names)
        (run,) = mlflow.search_runs(output_format="list")
        client = mlflow.MlflowClient()
        losses = client.get_metric_history(run.info.run_id, "train/loss")
        evaluations = client.get_metric_history(run.info.run_id, "eval/top1")
    finally:
        mlflow.set_tracking_uri(before)
    assert run.info.status == "FINISHED" and run.data.params["model.name"] == "mlp"
    assert run.data.params["budget.steps"] == "20"
    assert [each.step for each in losses] == list(range(1, 21)) and [each.step for each in evaluations] == [10, 20]
    again = zoo.fit(small_recipe)
    assert [each.value for each in losses] == [each["loss"] for each in again.history if each["kind"] == "train"]
    assert run.data.tags["converged"] == str(again.verdict.converged)
    assert run.data.tags["explanation"] == again.verdict.explanation


def test_the_guide_names_every_method_of_a_tracker():
    methods = {
        f"{name}({', '.join(list(inspect.signature(method).parameters)[1:])})"
        for name, method in vars(zoo.Tracker).items()
        if callable(method)
    }
    assert set(re.findall(r"^\| `(\w+\(.*?\))`", GUIDE, re.MULTILINE)) == methods


def test_every_event_is_forwarded():
    seen = []

    class Seeing(zoo.Tracker):
        def __getattribute__(self, name):
            seen.append(name)
            return super().__getattribute__(name)

    both = Trackers([Seeing()])
    for name, method in vars(zoo.Tracker).items():
        if callable(method):
            getattr(both, name)(*[None] * (len(inspect.signature(method).parameters) - 1))
    assert seen == [name for name, method in vars(zoo.Tracker).items() if callable(method)]
