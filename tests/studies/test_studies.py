"""Training of studies, resuming them, and their tables and plots."""

import dataclasses
import os
import signal

import numpy as np
import pytest

import zoo
from recipes.studies import MLP, TABLE
from zoo.errors import TrainingInterrupted, ZooError
from zoo.recipe import *
from zoo.recipe.study import START
from zoo.studies.picture import draw_study
from zoo.studies.runs import Run, read_runs, run_study
from zoo.studies.table import make_rows, markdown
from zoo.training.run.load_run import load_run
from zoo.training.tracking import Tracker

SHORT = MLP.override({"budget.steps": 20, "augmentation.train.0.size": 8, "augmentation.eval.0.size": 8})
STUDY = Study("Two rates", SHORT, {"low": {"schedule.peak": 1e-3}, "absurd": {"schedule.peak": 1e30}}, seeds=2)


class Interrupt(Tracker):
    """Sends SIGINT after the third step."""

    def train(self, record):
        if record["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(folder, runs) of the study above."""
    folder = tmp_path_factory.mktemp("study") / "whole"
    return folder, run_study(STUDY, folder)


def without_timings(runs):
    return [dataclasses.replace(run, seconds=0, environment={}) for run in runs]


def test_every_variant_is_trained_with_every_seed(finished):
    folder, runs = finished
    assert [(run.variant, run.seed) for run in runs] == [("low", 0), ("absurd", 0), ("low", 1), ("absurd", 1)]
    assert read_runs(folder / "runs.jsonl") == runs
    assert all(run.fingerprint == STUDY.recipes()[run.variant].fingerprint for run in runs)
    low = [run for run in runs if run.variant == "low"]
    result = zoo.fit(STUDY.recipes()["low"], seed=1)
    assert (low[1].top1, low[1].loss) == (result.metrics["top1"], result.metrics["loss"]) and low[0].top1 != low[1].top1
    steps = [record for record in result.history if record["kind"] == "train"]
    assert low[1].train["step"] == [record["step"] for record in steps]
    assert low[1].train["loss"] == [round(record["loss"], 5) for record in steps]
    assert low[1].evaluation["step"] == list(range(2, 21, 2))


def test_diverged_runs_are_in_the_table(finished):
    low, absurd = make_rows(finished[1])
    assert (absurd.runs, absurd.diverged, absurd.steps_to_target) == (2, 2, None)
    assert set(absurd.metrics.values()) == {None}
    assert absurd.cells() == ("absurd", "-", "-", "not reached", "2 of 2") and low.diverged == 0
    assert all("diverged: at step" in run.explanation for run in finished[1] if run.variant == "absurd")


def test_a_stopped_study_resumes(finished, tmp_path):
    started = []

    def on_begin(variant, seed):
        started.append((variant, seed))
        return Interrupt() if started.count(("low", 1)) == 1 and len(started) == 3 else Tracker()

    with pytest.raises(TrainingInterrupted, match="stopped after 2 of 4 runs: run the same command again") as stopped:
        run_study(STUDY, tmp_path, on_begin=on_begin)
    assert stopped.value.signum == signal.SIGINT
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"variant": "low", "finger')  # as after a kill during the write
    again, reported = run_study(STUDY, tmp_path, on_begin=on_begin), []
    assert started == [("low", 0), ("absurd", 0), ("low", 1), ("low", 1), ("absurd", 1)]
    assert without_timings(again) == without_timings(finished[1])
    assert run_study(STUDY, tmp_path, on_run=reported.append, on_begin=None) == again == reported


def test_runs_are_reused_by_fingerprint(finished):
    folder, runs = finished
    renamed = dataclasses.replace(STUDY, variants={"slow": {"schedule.peak": 1e-3}}, seeds=1)
    (run,) = run_study(renamed, folder, on_begin=None)  # the same recipe by another name
    assert run == dataclasses.replace(runs[0], variant="slow")
    started = []
    other = dataclasses.replace(STUDY, variants={"low": {"schedule.peak": 2e-3}}, seeds=1)
    run_study(other, folder, on_begin=lambda *run: started.append(run) or Tracker())
    assert started == [("low", 0)]


def make_run(variant, seed, top1, reached_step):
    curve = {"step": [1, 2], "loss": [2.3, 1.0], "top1": [0.1, top1 or 0.0]}
    environment = {
        "processor": "abacus", "cores": 2, "devices": 1, "device": "cpu", "versions": {"jax": "1", "zoo": "2"},
    }  # fmt: skip
    return Run(
        variant, "f", seed, top1 is None, top1 and 1 - top1, top1, reached_step, "", 1.0, curve, curve, environment
    )


def test_numbers_of_the_table():
    runs = [
        make_run("a", 0, 0.8, 10),
        make_run("b", 0, None, None),
        make_run("a", 1, 0.9, None),
        make_run("b", 1, 0.5, None),
    ]
    a, b = make_rows(runs)
    assert a.metrics["top1"] == pytest.approx((0.85, 0.05 * 2**0.5))
    assert a.metrics["loss"] == pytest.approx((0.15, 0.05 * 2**0.5))
    assert a.cells() == ("a", "0.8500 ± 0.0707", "0.150 ± 0.071", "10 (1 of 2)", "0 of 2")
    assert b.cells() == ("b", "0.5000", "0.500", "not reached", "1 of 2")
    page = markdown(STUDY, runs, "curves.png", "python -m zoo.compare --study=x")
    assert page.startswith("# Two rates\n\n| variant | accuracy |") and "| a | 0.8500 ± 0.0707 |" in page
    assert "on abacus, 2 cores, 1 x cpu, jax 1, zoo 2, in 4 s" in page and "top1 0.75" in page


def test_a_study_with_another_metric():
    study = dataclasses.replace(STUDY, metric="balanced_accuracy")
    values = {("a", 0): 0.5, ("a", 1): 0.7, ("b", 0): None, ("b", 1): 0.6}
    runs = [
        dataclasses.replace(make_run(variant, seed, 0.9, None), balanced_accuracy=value)
        for (variant, seed), value in values.items()
    ]
    lines = markdown(study, runs, "curves.png", "x").splitlines()
    assert "| variant | balanced accuracy | accuracy | loss | steps to target | diverged |" in lines
    assert "| a | 0.6000 ± 0.1414 | 0.9000 ± 0.0000 | 0.100 ± 0.000 | not reached | 0 of 2 |" in lines
    assert "| b | - | 0.9000 ± 0.0000 | 0.100 ± 0.000 | not reached | 0 of 2 |" in lines  # one run lacks the metric
    assert markdown(dataclasses.replace(STUDY, metric="loss"), runs, "", "") == markdown(STUDY, runs, "", "")


def test_runs_save_every_metric(finished):
    low = next(run for run in finished[1] if run.variant == "low")
    result = zoo.fit(STUDY.recipes()["low"], seed=0)
    assert low.balanced_accuracy == result.metrics["balanced_accuracy"] and low.top5 == result.metrics["top5"]
    evaluations = [record for record in result.history if record["kind"] == "eval"]
    for name in ("loss", "top1", "top5", "balanced_accuracy"):
        assert low.evaluation[name] == [round(record[name], 5) for record in evaluations]


def test_the_page_names_the_evaluation_data():
    assert "those on the evaluation images" in markdown(STUDY, [], "", "")
    table = dataclasses.replace(STUDY, base=TABLE.override({"data.validation": 0.1}), variants={"a": {}})
    page = markdown(table, [], "", "")
    assert "those on the evaluation examples" in page and "evaluations are those of the validation split" in page


def test_the_plot_has_a_line_and_a_band_for_each_variant(finished, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **options: drawn.append(figure))
    draw_study(finished[1], tmp_path / "x.png", title="x", target=0.75)
    loss, accuracy = drawn[0].axes
    low = [run for run in finished[1] if run.variant == "low"]
    (line,) = [line for line in accuracy.lines if line.get_label() == "low"]
    means = [(one + two) / 2 for one, two in zip(*(run.evaluation["top1"] for run in low), strict=True)]
    assert list(line.get_ydata()) == pytest.approx(means) and list(line.get_xdata()) == low[0].evaluation["step"]
    assert len(loss.collections) == 2 and len(accuracy.collections) == 1  # "absurd" was never evaluated
    crosses = [line for line in loss.lines if line.get_marker() == "x"]
    assert len(crosses) == 2 and loss.get_ylim()[1] < 10
    assert all(cross.get_ydata()[0] <= loss.get_ylim()[1] for cross in crosses)  # within the axes


def test_the_plot_shows_the_metric_and_all_falling_losses(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def losses(variant, *values):
        curve = {"step": [1, 2], "loss": list(values), "top1": [0.1, 0.2], "balanced_accuracy": [0.3, 0.4]}
        return dataclasses.replace(make_run(variant, 0, 0.5, None), train=curve, evaluation=curve)

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **options: drawn.append(figure))
    runs = [losses("a", 0.2, 0.1), losses("b", 1.4, 0.8), losses("jumps", 1.9, 40.0), losses("far off", 300.0, 1.0)]
    draw_study(runs, tmp_path / "x.png", title="x", metric="balanced_accuracy")
    draw_study(runs, tmp_path / "x.png", title="x", metric="loss")
    left, right = drawn[0].axes
    assert left.get_ylim() == pytest.approx((0, 1.05 * 1.4))
    assert right.get_ylabel() == "balanced accuracy" and list(right.lines[0].get_ydata()) == [0.3, 0.4]
    right = drawn[1].axes[1]
    assert right.get_ylabel() == "evaluation loss" and right.get_ylim() == pytest.approx((0, 1.05 * 1.4))
    assert list(right.lines[1].get_ydata()) == [1.4, 0.8]


def test_runs_that_end_at_different_steps_have_a_line_each(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **options: drawn.append(figure))
    longer = {"step": [1, 2, 3], "loss": [2.3, 1.0, 0.9], "top1": [0.1, 0.5, 0.6]}
    runs = [
        make_run("a", 0, 0.5, None),
        dataclasses.replace(make_run("a", 1, 0.6, None), train=longer, evaluation=longer),
    ]
    draw_study(runs, tmp_path / "x.png", title="x")
    for axes in drawn[0].axes:
        assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2], [1, 2, 3]] and not axes.collections
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["a"]


def test_damaged_files_and_folders(tmp_path):
    (tmp_path / "runs.jsonl").write_text("garbage\n")
    with pytest.raises(ZooError, match="runs.jsonl is damaged"):
        run_study(STUDY, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="file cannot be used"):
        run_study(STUDY, tmp_path / "file")


@pytest.mark.slow
def test_variants_continue_from_the_first_run_of_the_study(tmp_path):
    base = SHORT.override({"schedule.peak": 1e-30})
    changes = {"transfer": Transfer(START, head=("fc3/*",), frozen=("fc1/*",))}
    study = Study("x", base, {"from chance": {}, "further": changes}, start=SHORT, seeds=1)
    started = []
    run_study(study, tmp_path, on_begin=lambda *run: started.append(run) or Tracker())
    assert started == [(START, 0), ("from chance", 0), ("further", 0)]
    source = load_run(tmp_path / "start").variables["params"]
    changes = {"transfer.source": str(tmp_path / "start")}
    further = zoo.fit(study.recipes()["further"].override(changes)).variables["params"]
    assert np.array_equal(further["fc1"]["kernel"], source["fc1"]["kernel"])
    assert not np.array_equal(further["fc3"]["kernel"], source["fc3"]["kernel"])
    again = run_study(study, tmp_path, on_begin=None)
    chance, further = study.recipes().values()
    assert [run.fingerprint for run in again] == [
        chance.fingerprint,
        f"{further.fingerprint} from {SHORT.fingerprint}",
    ]
    other = dataclasses.replace(study, start=SHORT.override({"schedule.peak": 0.5}))
    with pytest.raises(ZooError, match="schedule.peak"):  # "start" is of another recipe
        run_study(other, tmp_path)
    with pytest.raises(ZooError, match="Study.start is None, but 'further' starts from its weights"):
        dataclasses.replace(study, start=None)
    with pytest.raises(ZooError, match="Study.start: no variant starts from its weights"):
        dataclasses.replace(study, variants={"from chance": {}})
