"""Studies: what they compare, that they go on where they were stopped, and the numbers in their tables."""

import dataclasses
import json
import os
import re
import signal

import pytest
from conftest import ROOT, run_python

import zoo
from recipes.studies import MLP, TABLE
from zoo.errors import TrainingInterrupted, ZooError
from zoo.recipe import *
from zoo.recipe.loading import parse_variants
from zoo.studies.picture import draw_study
from zoo.studies.runs import Run, read_runs, run_study
from zoo.studies.table import make_rows, markdown
from zoo.training.tracking import Tracker

SHORT = MLP.override({"budget.steps": 20, "augmentation.train.0.size": 8, "augmentation.eval.0.size": 8})
STUDY = Study("Two rates", SHORT, {"low": {"schedule.peak": 1e-3}, "absurd": {"schedule.peak": 1e30}}, seeds=2)


class Interrupt(Tracker):
    """Presses Ctrl-C after the third step."""

    def train(self, record):
        if record["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(folder, runs) of the study above."""
    folder = tmp_path_factory.mktemp("study") / "whole"
    return folder, run_study(STUDY, folder)


def timeless(runs):
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


def test_divergence_is_a_result(finished):
    low, absurd = make_rows(finished[1])
    assert (absurd.runs, absurd.diverged, absurd.steps_to_target) == (2, 2, None)
    assert set(absurd.metrics.values()) == {None}
    assert absurd.cells() == ("absurd", "-", "-", "not reached", "2 of 2") and low.diverged == 0
    assert all("diverged: at step" in run.explanation for run in finished[1] if run.variant == "absurd")


def test_a_stopped_study_goes_on_where_it_was(finished, tmp_path):
    begun = []

    def on_begin(variant, seed):
        begun.append((variant, seed))
        return Interrupt() if begun.count(("low", 1)) == 1 and len(begun) == 3 else Tracker()

    with pytest.raises(TrainingInterrupted, match="stopped after 2 of 4 runs: the same command goes on") as stopped:
        run_study(STUDY, tmp_path, on_begin=on_begin)
    assert stopped.value.signum == signal.SIGINT
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"variant": "low", "finger')  # as if it had been killed while it wrote
    again, told = run_study(STUDY, tmp_path, on_begin=on_begin), []
    assert begun == [("low", 0), ("absurd", 0), ("low", 1), ("low", 1), ("absurd", 1)]
    assert timeless(again) == timeless(finished[1])
    assert run_study(STUDY, tmp_path, on_run=told.append, on_begin=None) == again == told


def test_runs_of_other_recipes_do_not_count(finished):
    folder, runs = finished
    renamed = dataclasses.replace(STUDY, variants={"slow": {"schedule.peak": 1e-3}}, seeds=1)
    (run,) = run_study(renamed, folder, on_begin=None)  # the same recipe by another name
    assert run == dataclasses.replace(runs[0], variant="slow")
    begun = []
    other = dataclasses.replace(STUDY, variants={"low": {"schedule.peak": 2e-3}}, seeds=1)
    run_study(other, folder, on_begin=lambda *run: begun.append(run) or Tracker())
    assert begun == [("low", 0)]


def a_run(variant, seed, top1, reached_step):
    curve = {"step": [1, 2], "loss": [2.3, 1.0], "top1": [0.1, top1 or 0.0]}
    environment = {
        "processor": "abacus", "cores": 2, "devices": 1, "device": "cpu", "versions": {"jax": "1", "zoo": "2"},
    }  # fmt: skip
    return Run(
        variant, "f", seed, top1 is None, top1 and 1 - top1, top1, reached_step, "", 1.0, curve, curve, environment
    )


def test_the_numbers_of_the_table():
    runs = [a_run("a", 0, 0.8, 10), a_run("b", 0, None, None), a_run("a", 1, 0.9, None), a_run("b", 1, 0.5, None)]
    a, b = make_rows(runs)
    assert a.metrics["top1"] == pytest.approx((0.85, 0.05 * 2**0.5))
    assert a.metrics["loss"] == pytest.approx((0.15, 0.05 * 2**0.5))
    assert a.cells() == ("a", "0.8500 ± 0.0707", "0.150 ± 0.071", "10 (1 of 2)", "0 of 2")
    assert b.cells() == ("b", "0.5000", "0.500", "not reached", "1 of 2")
    page = markdown(STUDY, runs, "curves.png", "python -m zoo.compare --study=x")
    assert page.startswith("# Two rates\n\n| variant | accuracy |") and "| a | 0.8500 ± 0.0707 |" in page
    assert "on abacus, 2 cores, 1 x cpu, jax 1, zoo 2, in 4 s" in page and "top1 0.75" in page


def test_a_study_may_look_at_another_metric():
    study = dataclasses.replace(STUDY, metric="balanced_accuracy")
    values = {("a", 0): 0.5, ("a", 1): 0.7, ("b", 0): None, ("b", 1): 0.6}
    runs = [
        dataclasses.replace(a_run(variant, seed, 0.9, None), balanced_accuracy=value)
        for (variant, seed), value in values.items()
    ]
    lines = markdown(study, runs, "curves.png", "x").splitlines()
    assert "| variant | balanced accuracy | accuracy | loss | steps to target | diverged |" in lines
    assert "| a | 0.6000 ± 0.1414 | 0.9000 ± 0.0000 | 0.100 ± 0.000 | not reached | 0 of 2 |" in lines
    assert "| b | - | 0.9000 ± 0.0000 | 0.100 ± 0.000 | not reached | 0 of 2 |" in lines  # a run did not keep it
    assert markdown(dataclasses.replace(STUDY, metric="loss"), runs, "", "") == markdown(STUDY, runs, "", "")


def test_runs_keep_every_metric(finished):
    low = next(run for run in finished[1] if run.variant == "low")
    result = zoo.fit(STUDY.recipes()["low"], seed=0)
    assert low.balanced_accuracy == result.metrics["balanced_accuracy"] and low.top5 == result.metrics["top5"]
    evaluations = [record for record in result.history if record["kind"] == "eval"]
    for name in ("loss", "top1", "top5", "balanced_accuracy"):
        assert low.evaluation[name] == [round(record[name], 5) for record in evaluations]


def test_the_page_says_what_was_counted():
    assert "those on the evaluation images" in markdown(STUDY, [], "", "")
    table = dataclasses.replace(STUDY, base=TABLE.override({"data.validation": 0.1}), variants={"a": {}})
    page = markdown(table, [], "", "")
    assert "those on the evaluation examples" in page and "evaluations are those of the validation split" in page


def test_the_picture_has_a_line_and_a_band_for_each_variant(finished, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path: drawn.append(figure))
    draw_study(finished[1], tmp_path / "x.png", title="x", target=0.75)
    loss, accuracy = drawn[0].axes
    low = [run for run in finished[1] if run.variant == "low"]
    (line,) = [line for line in accuracy.lines if line.get_label() == "low"]
    means = [(one + two) / 2 for one, two in zip(*(run.evaluation["top1"] for run in low), strict=True)]
    assert list(line.get_ydata()) == pytest.approx(means) and list(line.get_xdata()) == low[0].evaluation["step"]
    assert len(loss.collections) == 2 and len(accuracy.collections) == 1  # "absurd" was never evaluated
    crosses = [line for line in loss.lines if line.get_marker() == "x"]
    assert len(crosses) == 2 and loss.get_ylim()[1] < 10
    assert all(cross.get_ydata()[0] <= loss.get_ylim()[1] for cross in crosses)  # not above the picture


def test_the_picture_shows_the_metric_and_every_loss_that_falls(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def losses(variant, *values):
        curve = {"step": [1, 2], "loss": list(values), "top1": [0.1, 0.2], "balanced_accuracy": [0.3, 0.4]}
        return dataclasses.replace(a_run(variant, 0, 0.5, None), train=curve, evaluation=curve)

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path: drawn.append(figure))
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
    monkeypatch.setattr(Figure, "savefig", lambda figure, path: drawn.append(figure))
    longer = {"step": [1, 2, 3], "loss": [2.3, 1.0, 0.9], "top1": [0.1, 0.5, 0.6]}
    runs = [a_run("a", 0, 0.5, None), dataclasses.replace(a_run("a", 1, 0.6, None), train=longer, evaluation=longer)]
    draw_study(runs, tmp_path / "x.png", title="x")
    for axes in drawn[0].axes:
        assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2], [1, 2, 3]] and not axes.collections
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["a"]


def test_studies_are_checked_when_they_are_built():
    for variants, message in (
        ({}, "Study.variants must be at least one"),
        ({"a": {"schedule.peek": 1}}, "variant 'a': unknown recipe field 'schedule.peek': did you mean"),
        ({"a": {}, "b": {"budget.steps": 20}}, "'b' and 'a' are the same recipe"),
    ):
        with pytest.raises(ZooError, match=re.escape(message)):
            Study("x", SHORT, variants)
    with pytest.raises(ZooError, match="Study.seeds must be positive"):
        Study("x", SHORT, {"a": {}}, seeds=0)
    with pytest.raises(ZooError, match="Study.metric must be one of loss, top1, top5, balanced_accuracy"):
        Study("x", SHORT, {"a": {}}, metric="top2")


def test_sweeps():
    found = parse_variants(SHORT, ["schedule.peak=1e-4,0.1", "initialization.kernel=Normal(stddev=0.1),HeNormal"])
    assert len(found) == 4 and next(iter(found)) == "schedule.peak=1e-4, initialization.kernel=Normal(stddev=0.1)"
    assert list(found.values())[3] == {"schedule.peak": 0.1, "initialization.kernel": HeNormal()}
    hidden = parse_variants(SHORT, ["model.options.hidden=[4,5],[6]"])
    assert [changes["model.options.hidden"] for changes in hidden.values()] == [(4, 5), (6,)]
    assert list(parse_variants(SHORT, ["model.name=mlp,lenet5"])) == ["model.name=mlp", "model.name=lenet5"]
    with pytest.raises(ZooError, match="takes the form --vary=path=value,value"):
        parse_variants(SHORT, ["schedule.peak"])
    with pytest.raises(ZooError, match="schedule.peak is varied already"):
        parse_variants(SHORT, ["schedule.peak=1,2", "schedule.peak=3"])


def test_damaged_files_and_folders(tmp_path):
    (tmp_path / "runs.jsonl").write_text("garbage\n")
    with pytest.raises(ZooError, match="runs.jsonl is damaged"):
        run_study(STUDY, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="file cannot be used"):
        run_study(STUDY, tmp_path / "file")


def test_finding_studies(tmp_path):
    assert "learning_rate" in list_studies() and list_studies("learn*") == ["learning_rate"]
    assert not set(list_studies()) & set(zoo.list_recipes()) and "studies" not in zoo.list_recipes()
    mine = tmp_path / "mine.py"
    mine.write_text("from recipes.studies.learning_rate import STUDY\n")
    assert load_study(str(mine)) == load_study("learning_rate")
    for name, message in {
        "learning_rat": "unknown study 'learning_rat': did you mean 'learning_rate'",
        "no/such.py": "there is no study file",
        "recipes.alexnet": "a study file has a constant STUDY",
    }.items():
        with pytest.raises(ZooError, match=message):
            load_study(name)


@pytest.mark.parametrize("name", list_studies())
def test_shipped_studies_say_what_they_show_and_on_what_evidence(name):
    study = load_study(name)
    assert study.description and len(re.findall(r"[.](?= [A-Z]|$)", study.conclusion)) == 2, study.conclusion
    for recipe in study.recipes().values():
        zoo.create_model(recipe.model.name, 10, **recipe.model.options)
    folder = ROOT / "docs" / "studies" / name
    recorded = {(run.fingerprint, run.seed): run for run in read_runs(folder / "runs.jsonl")}
    runs = [
        dataclasses.replace(recorded[recipe.fingerprint, seed], variant=variant)
        for seed in range(study.seeds)
        for variant, recipe in study.recipes().items()
    ]
    page = markdown(study, runs, "curves.png", f"python -m zoo.compare --study={name}")
    assert (folder / "table.md").read_text() == page and (folder / "curves.png").is_file()


def test_the_program(tmp_path):
    """All is trained, whatever came of it, and a second call only reports."""
    recipe, folder = tmp_path / "short.py", tmp_path / "out"
    recipe.write_text(
        "from recipes.studies import MLP\n"
        "RECIPE = MLP.override({'augmentation.train.0.size': 8, 'augmentation.eval.0.size': 8})\n"
    )
    vary = ["--vary=schedule.peak=0.01,1e30", "--vary=optimizer.momentum=0.0,0.9", "--seeds=1", "--set=budget.steps=20"]
    command = ["-m", "zoo.compare", f"--recipe={recipe}", *vary, f"--output={folder}", "--json"]
    done = run_python(*command)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [row["variant"] for row in found["variants"]] == [
        f"schedule.peak={peak}, optimizer.momentum={momentum}"
        for peak in ("0.01", "1e30")
        for momentum in ("0.0", "0.9")
    ]
    assert [row["diverged"] for row in found["variants"]] == [0, 0, 1, 1]
    assert {path.name for path in folder.iterdir()} == {"runs.jsonl", "table.md", "curves.png"}
    page = (folder / "table.md").read_text()
    assert f"--recipe={recipe} --vary=schedule.peak=0.01,1e30" in page and "--output" not in page
    assert "not reached" in done.stderr
    again = run_python(*command)
    assert again.returncode == 0 and again.stdout == done.stdout and again.stderr.count("(done before)") == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which study? --study=NAME, where NAME is one of activation"),
        (["--study=learning_rat"], "did you mean 'learning_rate'?"),
        (["--study=learning_rate", "--vary=schedule.peak=1"], "--vary is for --recipe"),
        (["--study=learning_rate", "--recipe=alexnet"], "which study?"),
        (["--recipe=alexnet"], "what is to be compared? --vary="),
        (["--recipe=alexnet", "--vary=schedule.peek=1"], "did you mean 'schedule.peak'?"),
        (["--recipe=alexnet", "--vary=schedule.peak=-1"], "Cosine.peak must be positive"),
        (["--recipe=alexnet", "--vary=schedule.peak=1,1.0"], "are the same recipe"),
        (["--study=learning_rate", "--set=budget.stepz=1"], "did you mean 'budget.steps'?"),
        (["--study=learning_rate", "--seeds=0"], "0 is not"),
        (["learning_rate"], "unexpected argument 'learning_rate'"),
    ],
    ids=str,
)
def test_mistakes_are_one_line_and_exit_with_2(arguments, message):
    done = run_python("-m", "zoo.compare", *arguments)
    assert done.returncode == 2 and done.stdout == "" and message in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("python -m zoo.compare: ")
