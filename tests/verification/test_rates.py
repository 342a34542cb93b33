"""Tests of the checks that evaluations count every example, of recorded fresh runs, and of their tables."""

import dataclasses
import types

import numpy as np
import pytest
from examples import tiny_dataset

import zoo
from verification import ledger
from verification.check import Group
from verification.convergence import check_examples, fresh, rates
from zoo.errors import DamagedFile, ZooError
from zoo.training.fit import fit
from zoo.training.prepare import prepare
from zoo.training.run.environment import processor

SHORT = {"budget.batch_size": 32, "budget.steps": 8, "budget.evaluate_every": 0.5, "target": None}


@pytest.fixture
def recipe():
    return zoo.load_recipe("lenet5").override(SHORT)


def with_last(result, **changes):
    """Returns the result of a run with another last evaluation."""
    return dataclasses.replace(result, history=[*result.history[:-1], {**result.history[-1], **changes}])


@pytest.mark.parametrize(("interim", "validation"), [(None, None), (64, None), (1000, 0.1)])
def test_evaluations_count_every_example(recipe, interim, validation):
    changes = {"budget.interim_examples": interim}
    if validation:
        changes["data.validation"] = validation
    recipe = recipe.override(changes)
    experiment, group = prepare(recipe, tiny_dataset()), Group("small", "convergence")
    result = fit(recipe, experiment=experiment)
    found = check_examples(group, experiment, result)
    assert (found.status, found.detail) == ("pass", "200 examples in the last of 2 evaluations")
    for wrong in (
        {"examples": 192, "top1": 0.5},  # the last batch dropped
        {"examples": 256, "top1": 0.5},  # padding counted
        {"top1": 0.50123},  # a fraction of an example correct
    ):
        assert check_examples(group, experiment, with_last(result, **wrong)).status == "fail"
    first = next(place for place, record in enumerate(result.history) if record["kind"] != "train")
    history = list(result.history)
    history[first] = {**history[first], "examples": history[first]["examples"] - 1, "top1": 0.0}
    found = check_examples(group, experiment, dataclasses.replace(result, history=history))
    wanted = min(interim or 200, 200)
    assert found.status == "fail" and (validation or f"{wanted - 1} examples of {wanted}" in found.detail)


@pytest.fixture
def made_up(monkeypatch, tmp_path, recipe):
    """Replaces training by numbers from the seed; returns a function that records fresh runs, and the trained seeds."""
    trained = []
    monkeypatch.setattr(fresh, "FOLDER", tmp_path / "fresh")
    fresh.FOLDER.mkdir()

    def made_up_fit(recipe, seed, **_):
        trained.append(seed)
        return seed

    def measures(seed):
        random = np.random.default_rng(seed)
        return {"final loss": 1 + random.normal() / 10, "final top1": 0.8 + random.normal() / 100}

    monkeypatch.setattr(fresh, "fit", lambda *args, **options: types.SimpleNamespace(
        verdict=types.SimpleNamespace(value=1.0), seed=made_up_fit(*args, **options)))  # fmt: skip
    monkeypatch.setattr(fresh, "measure", lambda result: measures(result.seed))
    experiment = types.SimpleNamespace(recipe=recipe, dataset=tiny_dataset())
    return lambda seeds: fresh.record_fresh("lenet5", experiment, "cpu", seeds), trained, measures


def test_recording_of_fresh_runs_continues(made_up, recipe, monkeypatch):
    record, trained, measures = made_up
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        values = iter([measures(seed) for seed in range(3)])
        patch.setattr(fresh, "measure", lambda result: next(values))  # killed in the fourth run
        record(5)
    record(5)
    assert trained == [2000, 2001, 2002, 2003, 2003, 2004]
    runs = fresh.read_fresh("lenet5", recipe, "cpu")
    assert [run["seed"] for run in runs] == [2000, 2001, 2002, 2003, 2004] and runs[0]["processor"] == processor()
    monkeypatch.setattr(fresh, "processor", lambda: "another")
    record(2)
    assert trained[6:] == [2000, 2001]
    assert fresh.read_fresh("lenet5", recipe.override({"budget.steps": 9}), "cpu") == []
    with fresh.fresh_path("lenet5", "cpu").open("a") as file:
        file.write("{}\n")
    with pytest.raises(DamagedFile, match="1 damaged lines"):
        fresh.read_fresh("lenet5", recipe, "cpu")


def test_a_fresh_run_that_diverges_is_an_error(made_up, monkeypatch):
    record, *_ = made_up
    failed = types.SimpleNamespace(verdict=types.SimpleNamespace(value=None, explanation="diverged: at step 1"))
    monkeypatch.setattr(fresh, "fit", lambda *args, **options: failed)
    with pytest.raises(ZooError, match="seed 2000 failed: diverged: at step 1"):
        record(1)


def test_tables_of_rates(made_up, recipe, monkeypatch, tmp_path):
    """Good fresh runs are outside as often as declared; those of a worse program, always."""
    record, _, measures = made_up
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    for module in (rates, fresh):
        monkeypatch.setattr(module, "FOLDER", fresh.FOLDER)
    monkeypatch.setattr(rates, "load_recipe", lambda name: recipe)
    monkeypatch.setattr(rates, "RESAMPLED", 1000)
    line = {"fingerprint": ledger.fingerprint(recipe), "data": "tiny", "train_loss": [1.0], "evaluations": []}
    for seed in range(16):
        ledger.append_run("lenet5", "cpu", line | {"seed": seed, "measures": measures(seed), "images_per_second": 1.0})
    record(200)
    (row,) = rates.table_of_fresh_runs().splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["`lenet5`", processor(), "200"] and cells[5].startswith("0 of 66, 0 %")
    outside, resampled = int(cells[3].split()[0]), float(cells[6].split()[0])
    assert 5 < outside < 40 and 5 < resampled < 16  # declared 10 %; the ledger and the fresh runs vary
    assert "| 16 | " in rates.table_of_power() and "| 10 % | " in rates.table_of_left_out_runs()
    monkeypatch.setattr(fresh, "measure", lambda result: {"final loss": 9.0, "final top1": 0.1 + result.seed / 1e6})
    monkeypatch.setattr(fresh, "processor", lambda: "worse")
    record(30)
    worse = rates.table_of_fresh_runs().splitlines()[3]
    assert "| worse | 30 | 30 of 30, 100 %" in worse and "10 of 10, 100 %" in worse


def test_deviations_if_errors_were_independent_are_in_the_table_of_power(monkeypatch, tmp_path, recipe):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    monkeypatch.setattr(rates, "load_recipe", lambda name: recipe)
    random = np.random.default_rng(0)
    for seed in range(8):
        correct = random.random(1000) < 0.8  # a deviation of sqrt(0.8 * 0.2 / 1000) = 1.26 points
        line = {
            "fingerprint": ledger.fingerprint(recipe), "code": "c", "data": "tiny", "seed": seed, "train_loss": [1.0],
            "measures": {"final top1": float(correct.mean())}, "evaluations": [{"examples": 1000}],
            "first": {"loss": [1.0], "grad_norm": [1.0]}, "images_per_second": 1.0,
            "correct": ledger.correct.to_text(correct),
        }  # fmt: skip
        ledger.append_run("lenet5", "cpu", line)
    row = rates.table_of_power().splitlines()[2].split(" | ")
    assert float(row[4]) == pytest.approx(1.26, abs=0.05)
