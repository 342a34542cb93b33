"""`python -m zoo.compare`: studies, sweeps and its command line."""

import dataclasses
import json
import re

import pytest
from programs import ROOT, run_python

import zoo
from recipes.studies import MLP
from zoo.catalog import list_studies, load_study
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.recipe.assignments import parse_changes, parse_variants
from zoo.studies.runs import fingerprint, read_runs
from zoo.studies.table import markdown

SHORT = MLP.override({"budget.steps": 20})


def test_invalid_studies_are_errors():
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
    assert list(parse_variants(SHORT, ["model.name=mlp)+(lenet5"])) == ["model.name=mlp)+(lenet5"]  # rejected later
    with pytest.raises(ZooError, match="schedule must be one of .*, not .Cosine.*peak"):
        SHORT.override(parse_changes(SHORT, ["schedule=Cosine(**{'peak': 0.1})"]))
    with pytest.raises(ZooError, match="expected --vary=PATH=VALUE,..."):
        parse_variants(SHORT, ["schedule.peak"])
    with pytest.raises(ZooError, match="schedule.peak is given twice"):
        parse_variants(SHORT, ["schedule.peak=1,2", "schedule.peak=3"])


def test_finding_studies(tmp_path):
    assert "learning_rate" in list_studies() and list_studies("learn*") == ["learning_rate"]
    assert not set(list_studies()) & set(zoo.list_recipes()) and "studies" not in zoo.list_recipes()
    mine = tmp_path / "mine.py"
    mine.write_text("from recipes.studies.learning_rate import STUDY\n")
    assert load_study(str(mine)) == load_study("learning_rate")
    for name, message in {
        "learning_rat": "unknown study 'learning_rat': did you mean 'learning_rate'",
        "no/such.py": "there is no study file",
        "recipes.alexnet": "expected a study file with a constant STUDY",
    }.items():
        with pytest.raises(ZooError, match=message):
            load_study(name)


@pytest.mark.parametrize("name", list_studies())
def test_pages_of_shipped_studies_match_their_runs(name):
    study = load_study(name)
    assert study.description and len(re.findall(r"[.](?= [A-Z]|$)", study.conclusion)) == 2, study.conclusion
    for recipe in study.recipes().values():
        zoo.create_model(recipe.model.name, 10, **recipe.model.options)
    folder = ROOT / "docs" / "studies" / name
    recorded = {(run.fingerprint, run.seed): run for run in read_runs(folder / "runs.jsonl")}
    runs = [
        dataclasses.replace(recorded[fingerprint(study, recipe), seed], variant=variant)
        for seed in range(study.seeds)
        for variant, recipe in study.recipes().items()
    ]
    page = markdown(study, runs, "curves.png", f"python -m zoo.compare --study={name}")
    assert (folder / "table.md").read_text() == page and (folder / "curves.png").is_file()


@pytest.mark.slow
def test_the_program(tmp_path):
    """All variants are trained, even if some diverge, and a second call only reports."""
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
    assert {path.name for path in folder.iterdir()} == {"runs.jsonl", "table.md", "curves.png", ".lock"}
    page = (folder / "table.md").read_text()
    assert f"--recipe={recipe} --vary=schedule.peak=0.01,1e30" in page and "--output" not in page
    assert "not reached" in done.stderr
    again = run_python(*command)
    assert again.returncode == 0 and again.stdout == done.stdout and again.stderr.count("(done before)") == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "or --study=NAME, where NAME is one of activation"),
        (["--study=learning_rat"], "did you mean 'learning_rate'?"),
        (["--study=learning_rate", "--vary=schedule.peak=1"], "--vary requires --recipe"),
        (["--study=learning_rate", "--recipe=alexnet"], "expected either --recipe=NAME --vary=... or --study=NAME"),
        (["--recipe=alexnet"], "missing --vary=PATH=VALUE,..."),
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
