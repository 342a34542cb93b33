"""Tests of the comparison of two environments by their reports."""

import copy
import json

import pytest
from examples import tabular
from programs import run_python

from verification import baseline, report
from verification.baseline.pairs import compare_runs
from verification.baseline.recording import STEPS, Recorder
from verification.check import Group
from zoo.data.sources import open_data
from zoo.errors import ZooError
from zoo.training.fit import fit
from zoo.training.prepare import prepare

ARGUMENTS = {"recipe": ["tabular"], "only": [], "tier": "full", "seed": 7}


@pytest.fixture(scope="module")
def run():
    """What is recorded of a run of 20 steps on a table."""
    recipe = tabular()
    experiment = prepare(recipe, open_data(recipe.data))
    recorder = Recorder(seed=7)
    recorder.start(experiment)
    result = fit(recipe, seed=7, trackers=[recorder], experiment=experiment)
    losses = [record["loss"] for record in result.history if record["kind"] == "train"]
    assert recorder.run["losses"] == losses[:STEPS]  # the recorded start is that of the run itself, to the bit
    assert recorder.run["measures"]["final top1"] == result.metrics["top1"]
    return json.loads(json.dumps(recorder.run))


def changed(run, key, place, factor):
    other = copy.deepcopy(run)
    other[key][place] *= factor
    return other


def test_the_same_run_is_the_same(run):
    checks = list(compare_runs("tabular", run, run))
    assert {check.status for check in checks} == {"pass", "undecided"}
    (undecided,) = (check for check in checks if check.status == "undecided")
    assert "0 reference runs" in undecided.detail  # the recipe is not built in, so that the spread of runs is unknown


@pytest.mark.parametrize(
    ("key", "place", "factor", "name"),
    [
        ("losses", 0, 1 + 1e-4, "first loss"),
        ("gradient_norms", 0, 0.5, "first gradient"),
        ("first_update", "fc1/kernel", 0.5, "first update"),
        ("losses", 3, 1 + 1e-3, "losses"),
        ("gradient_norms", 3, 1 + 1e-2, "gradients"),
        ("evaluation", "loss", 1 + 1e-4, "evaluation before training"),
        ("losses", 0, float("nan"), "first loss"),
    ],
)
def test_the_first_difference_is_named(run, key, place, factor, name):
    failed = [
        check for check in compare_runs("tabular", changed(run, key, place, factor), run) if check.status == "fail"
    ]
    assert failed[0].name == name and "in the baseline" in failed[0].detail


def test_rounding_errors_are_not_a_difference(run):
    other = changed(changed(run, "losses", 0, 1 + 2e-7), "losses", 4, 1 + 6e-6)
    assert "fail" not in {check.status for check in compare_runs("tabular", other, run)}


def test_initial_weights_and_other_runs(run):
    other = copy.deepcopy(run)
    other["initial"]["fc1/kernel"][1] *= 1.1
    failed = [check for check in compare_runs("tabular", other, run) if check.status == "fail"]
    assert [check.name for check in failed] == ["initial weights"] and "fc1/kernel" in failed[0].detail
    (check,) = compare_runs("tabular", {**run, "seed": 8}, run)
    assert check.status == "undecided" and "seed is 8, 7 in the baseline" in check.detail


def test_measures_of_whole_runs_are_compared_with_the_spread_of_runs(run):
    """With the ledger of mlp: its losses of two runs may differ by several deviations, but not by half."""
    ours = {**run, "measures": {"final top1": 0.975, "final loss": 0.07}, "platform": "cpu"}
    near, far = ({**ours, "measures": {"final top1": top1, "final loss": 0.07}} for top1 in (0.974, 0.9))
    statuses = [
        {check.name: check.status for check in compare_runs("mlp", ours, other)}["final top1"] for other in (near, far)
    ]
    assert statuses == ["pass", "fail"]


def test_reports_are_read_and_compared(tmp_path, run):
    group = Group("tabular", "traces")
    checks = [group.check("loss", True, "right"), group.check("input", True, "right")]
    path = tmp_path / "report.json"
    report.write_json(path, checks, {"python": "3"}, {"tabular": run}, ARGUMENTS)
    read = baseline.read_report(path)
    same = list(baseline.compare(read, checks, {"tabular": run}))
    assert {check.status for check in same} == {"pass", "undecided"}
    now = [group.check("loss", False, "wrong"), group.skip("input", "no data")]
    found = {check.name: check for check in baseline.compare(read, now, {}) if check.status != "pass"}
    assert {name: check.status for name, check in found.items()} == {
        "loss": "fail", "input": "undecided", "run": "undecided"
    }  # fmt: skip
    assert found["loss"].detail == "fail here, pass in the baseline: wrong; the baseline: right"
    skipped = {**read, "checks": [{**check, "status": "skip"} for check in read["checks"]]}
    assert {check.status for check in baseline.compare({**skipped, "runs": {}}, checks, {})} == set()
    now = [*checks, group.check("bands", False, "stopped")]
    (new,) = (check for check in baseline.compare({**read, "runs": {}}, now, {}) if check.status == "fail")
    assert new.name == "bands" and new.detail == "fail here, not in the baseline: stopped"
    part = baseline.restricted(read, ["another"], ["traces"])
    assert list(baseline.compare(part, checks, {})) == []


def test_a_comparison_is_written_beside_the_checks(tmp_path, run):
    """So that the report is a baseline of its own."""
    group = Group("tabular", "traces")
    checks = [group.check("loss", False, "wrong")]
    report.write_json(tmp_path / "a", checks, {}, {}, ARGUMENTS, [group.check("loss", True, "fail in both")])
    read = baseline.read_report(tmp_path / "a")
    assert [check["status"] for check in read["checks"]] == ["fail"]
    assert json.loads((tmp_path / "a").read_text())["status"] == 0


def test_a_baseline_without_what_is_selected_is_an_error(tmp_path):
    path = tmp_path / "report.json"
    report.write_json(path, [Group("lenet5", "traces").check("loss", True, "")], {}, {}, ARGUMENTS)
    process = run_python("-m", "verification", f"--baseline={path}", "--recipe=mlp")
    assert process.returncode == 2 and "has no results of what --recipe and --only select" in process.stderr


def test_only_the_first_of_several_runs_is_recorded(run):
    recipe = tabular()
    experiment = prepare(recipe, open_data(recipe.data))
    recorder = Recorder(seed=7)
    recorder.start(experiment)
    for seed in (7, 8):
        fit(recipe, seed=seed, trackers=[recorder], experiment=experiment)
    assert recorder.run["measures"] == run["measures"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b"\x00" * 100, b"[" * 100_000, b'{"checks": 3}',
        b'{"environment": {}, "arguments": {}, "checks": [], "runs": {}}',
        b'{"environment": {}, "arguments": {"recipe": [3]}, "checks": [{}], "runs": {}}',
    ],
)  # fmt: skip
def test_damaged_reports_are_one_line(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ZooError) as caught:
        baseline.read_report(path)
    assert "\n" not in str(caught.value) and "report.json" in str(caught.value)


def test_reports_that_are_too_large_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    path.write_bytes(b" " * 1000)
    monkeypatch.setattr(baseline, "MAX_BYTES", 999)
    with pytest.raises(ZooError, match="too large"):
        baseline.read_report(path)
