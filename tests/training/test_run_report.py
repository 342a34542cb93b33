"""Tests of the report of a run: what it shows, for runs that end in any way, and failures to write it."""

import base64
import dataclasses
import io
import json
import math
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from examples import tabular
from page_checks import HOSTILE, check_page, parsed, shown
from PIL import Image
from programs import run_python

import zoo
from zoo.data.decoding import Picture
from zoo.data.pipeline import make_pipeline
from zoo.data.resize_crop import resize_and_crop
from zoo.errors import DamagedFile
from zoo.recipe import *
from zoo.training.run import report
from zoo.training.run.files import RunFiles
from zoo.training.run.mistakes import (
    THUMBNAIL,
    Outcomes,
    data_uri,
    describe_mistakes,
    make_outcomes,
    most_confident,
    worst,
)
from zoo.training.run.report import contents, curves, predictions, setup
from zoo.training.run.report.page import page
from zoo.training.tracking import Tracker


class Kept(Tracker):
    """Keeps the predictions of the final evaluation, and notes."""

    def __init__(self):
        self.found, self.notes = [], []

    def outcomes(self, step, outcomes):
        self.found.append((step, outcomes))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def run(recipe, dataset, tmp_path_factory):
    """A run with hostile names of classes and of the split."""
    folder, kept = tmp_path_factory.mktemp("runs") / "mine", Kept()
    names = [f"{HOSTILE}{number}" for number in range(10)]
    split = dataclasses.replace(dataset.eval, name=HOSTILE)
    result = zoo.fit(
        recipe, folder, dataset=dataclasses.replace(dataset, class_names=names, eval=split), trackers=[kept]
    )
    return folder, result, kept


def text_of(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_report_shows_the_run_and_needs_nothing_else(run):
    folder, result, _ = run
    text = text_of(folder)
    check_page(text)
    assert len(text) < 1_000_000
    sentence = result.verdict.explanation.partition(": ")[2]
    for expected in (
        sentence[1:],
        f"{result.metrics['loss']:.4f}",
        f"{result.metrics['recall'][3]:.4f}",
        "optimizer.momentum",
        "Krizhevsky",  # provenance
        result.recipe.fingerprint,
        "numpy",
        "lenet5 on tiny, 12 steps of 16",
    ):
        assert " ".join(expected.split()) in shown(text), expected
    links = [each.get("href") for each in parsed(text).iter("a")]
    assert {"curves.png", "confusion.png", "metrics.jsonl"} <= set(links)
    assert all((folder / link).exists() for link in links)
    assert len(parsed(text).findall(".//{http://www.w3.org/2000/svg}svg")) == 3


def test_the_confusion_matrix_is_shaded_by_fractions_of_the_class(run):
    folder, result, _ = run
    cells = [each for each in parsed(text_of(folder)).iter("td") if each.get("class") in ("right", "wrong")]
    counts = [int(each.text.replace(",", "").replace("·", "0")) for each in cells]
    assert np.reshape(counts, (10, 10)).tolist() == result.metrics["confusion"]
    share = 100 * counts[0] / max(sum(counts[:10]), 1)
    assert cells[0].get("style") == f"--share:{share:.0f}%" and cells[0].get("class") == "right"


def test_outcomes_are_those_of_the_evaluation(run, dataset):
    _, result, kept = run
    ((step, found),) = kept.found  # only in the last evaluation
    assert step == 12 and found.index.tolist() == list(range(200))
    np.testing.assert_array_equal(found.label, dataset.eval.labels)
    assert (found.predicted == found.label).mean() == pytest.approx(result.metrics["top1"])
    assert found.loss.mean() == pytest.approx(result.metrics["loss"], rel=1e-5)
    np.testing.assert_allclose(-np.log(found.of_class), found.loss, rtol=1e-3, atol=1e-4)
    assert (found.probability >= found.of_class).all()
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (found.label, found.predicted), 1)
    assert counts.tolist() == result.metrics["confusion"]


def test_mistakes_have_the_pictures_of_their_examples(run, dataset):
    folder, result, _ = run
    found = json.loads((folder / "mistakes.json").read_text())
    assert found["mistakes"] == round(200 * (1 - result.metrics["top1"])) and found["examples"] == 200
    for kind, value in (("worst", "loss"), ("confident", "probability")):
        entries = found[kind]
        assert len(entries) == 12
        assert [each[value] for each in entries] == sorted((each[value] for each in entries), reverse=True)
        for entry in entries:
            assert entry["class"] == f"{HOSTILE}{dataset.eval.labels[entry['index']]}" != entry["predicted"]
            picture = Image.open(io.BytesIO(base64.b64decode(entry["picture"].partition(",")[2])))
            np.testing.assert_array_equal(np.asarray(picture), dataset.eval.images[entry["index"], ..., 0])
    pictures = [each.get("src") for each in parsed(text_of(folder)).iter("img")]
    assert pictures == [each["picture"] for kind in ("worst", "confident") for each in found[kind]]


def test_worst_and_most_confident():
    label, predicted = np.array([0, 0, 1, 1, 0]), np.array([1, 0, 0, 0, 1])
    loss = np.array([1.0, 9.0, np.nan, 3.0, 3.0])
    outcomes = Outcomes(np.arange(5), label, predicted, loss, np.array([0.9, 0.99, 0.5, 0.95, 0.9]), np.zeros(5))
    assert worst(outcomes).tolist() == [2, 3, 4, 0]  # without example 1, which is right; what is not finite is worst
    assert most_confident(outcomes).tolist() == [3, 0, 4, 2]
    assert worst(outcomes, 1).tolist() == [2]
    rows = np.array([[1, 2, 1, 0.5, 0.6, 0.4], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0.1, 0.9, 0.9]], np.float32)
    assert make_outcomes(rows, np.array([7, 8, 9])).index.tolist() == [7, 9]  # example 8 cannot be decoded


@pytest.mark.parametrize(("shape", "kind"), [((28, 28, 1), "png"), ((300, 500, 3), "jpeg"), ((64, 10, 4), "png")])
def test_thumbnails_are_small(shape, kind):
    uri = data_uri(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    assert contents.PICTURE.fullmatch(uri) and uri.startswith(f"data:image/{kind}") and len(uri) < contents.MOST_PICTURE
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert max(picture.size) == min(max(shape[:2]), THUMBNAIL)


def test_the_program_writes_the_same_report_again(run, tmp_path):
    folder, *_ = run
    copy = shutil.copytree(folder, tmp_path / "mine")
    (copy / "report.html").unlink()
    done = run_python("-m", "zoo.report", copy)
    assert done.returncode == 0 and done.stdout.strip() == str(copy / "report.html"), done.stderr
    assert text_of(copy) == text_of(folder).replace(str(folder), str(copy))
    assert run_python("-m", "zoo.report", tmp_path).stderr.strip().endswith("is not the folder of a run")


def test_damaged_and_hostile_files_are_left_out(run, tmp_path):
    copy, said = shutil.copytree(run[0], tmp_path / "mine"), []
    found = json.loads((copy / "mistakes.json").read_text())
    found["worst"][0]["picture"] = 'data:image/png;base64,AA" onerror="alert(1)'
    found["worst"][1]["picture"] = "https://example.org/seen.png"
    found["worst"][2]["loss"] = [1]
    found["worst"][3] = "nothing"
    found["worst"][4] |= {"loss": "nan", "name": HOSTILE}
    (copy / "mistakes.json").write_text(json.dumps(found))
    (copy / "by_class.json").write_text("{")
    (copy / "environment.json").write_text(json.dumps({"command": [HOSTILE], HOSTILE: {HOSTILE: HOSTILE}}))
    (copy / "verdict.json").write_text(json.dumps({"explanation": 3}))
    text = page(contents.read_contents(RunFiles(copy, said.append)))
    check_page(text)
    assert len(list(parsed(text).iter("img"))) == 24 - 4 and "Not finished" in shown(text)
    assert sorted(line.split(" is damaged")[0].rpartition("/")[2] for line in said) == ["by_class.json", "verdict.json"]


def test_a_table_has_rows_instead_of_pictures(tmp_path):
    zoo.fit(tabular("synthetic:random_10"), tmp_path / "run")
    text = text_of(tmp_path / "run")
    check_page(text)
    root = parsed(text)
    assert not list(root.iter("img")) and "examples are predicted wrongly" in shown(text)
    assert "probability" in [each.text for each in root.iter("th")]


def test_a_diverged_run(recipe, dataset, tmp_path):
    result = zoo.fit(recipe.override({"schedule.peak": 1e8}), tmp_path / "run", dataset=dataset)
    assert result.verdict.value is None
    text = text_of(tmp_path / "run")
    check_page(text)
    assert "Diverged" in shown(text) and "first non-finite value" in shown(text)
    assert f"python -m zoo.doctor {tmp_path}/run" in shown(text)
    assert not list(parsed(text).iter("img"))


class Interrupting(Tracker):
    def train(self, record):
        if record["step"] == 5:
            signal.raise_signal(signal.SIGTERM)


def test_an_interrupted_run_is_reported_and_again_when_it_is_resumed(recipe, dataset, tmp_path):
    with pytest.raises(zoo.TrainingInterrupted):
        zoo.fit(recipe, tmp_path / "run", dataset=dataset, trackers=[Interrupting()])
    text = shown(text_of(tmp_path / "run"))
    assert "Not finished" in text and "of 12 steps are recorded" in text and "To resume it" in text
    zoo.fit(recipe, tmp_path / "run", dataset=dataset)
    text = shown(text_of(tmp_path / "run"))
    assert "Not finished" not in text and "To resume it" not in text and "predicted wrongly" in text
    (tmp_path / "run" / "report.html").unlink()
    zoo.fit(recipe, tmp_path / "run", dataset=dataset)  # a finished run
    assert shown(text_of(tmp_path / "run")) == text


def test_a_report_that_cannot_be_written_does_not_lose_the_run(recipe, dataset, tmp_path, monkeypatch):
    def full(contents):
        raise OSError(28, "No space left on device")

    class Nameless:
        """A split whose examples have no description."""

        def __getattr__(self, name):
            return getattr(dataset.eval, name)

        def __len__(self):
            return len(dataset.eval)

        def describe(self, index):
            raise KeyError("no names")

    monkeypatch.setattr(report, "page", full)
    kept, nameless = Kept(), dataclasses.replace(dataset, eval=Nameless())
    result = zoo.fit(recipe, tmp_path / "run", dataset=nameless, trackers=[kept])
    assert result.metrics["examples"] == 200 and (tmp_path / "run" / "verdict.json").exists()
    assert not (tmp_path / "run" / "report.html").exists() and zoo.load_run(tmp_path / "run").step == 12
    first, last = (note for note in kept.notes if "was not written" in note)
    assert "mistakes.json was not written: KeyError" in first and "report.html was not written: OSError" in last


def test_reference_runs_are_found_for_a_recipe_and_its_variants(monkeypatch):
    recipe = zoo.load_recipe("bn_cnn")
    same = contents.find_reference(recipe, "fashion_mnist", "cpu")
    assert same.recipe == "bn_cnn" and len(same.runs) >= 5 and same.differences == ()
    changed = contents.find_reference(recipe.override({"schedule.peak": 0.5}), "fashion_mnist", "cpu")
    assert changed.differences == ("schedule.peak is 0.5, reference 0.001",) and changed.runs == same.runs
    assert contents.find_reference(recipe, "folder:mine", "cpu") is None
    assert contents.find_reference(recipe, "fashion_mnist", "abacus") is None
    (train, band), (evaluated, _) = [*curves.bands(same, "top1"), ("eval", None)][:2]
    assert train == "train" and evaluated == "eval" and (band.low <= band.high).all() and band.steps[-1] == 600


def test_the_range_of_reference_runs():
    def line(first, last):
        evaluations = [{"step": step, "loss": first, "top1": last} for step in (5, 10)]
        return {"train_loss": [first, last], "train_top1": [last, first], "evaluations": evaluations}

    reference = contents.Reference("mine", (line(3.0, 1.0), line(2.0, 1.5)), ())
    found = {
        kind: (band.steps.tolist(), band.low.tolist(), band.high.tolist())
        for kind, band in curves.bands(reference, "loss")
    }
    assert found == {"train": ([1, 2], [2.0, 1.0], [3.0, 1.5]), "eval": ([5, 10], [2.0, 2.0], [3.0, 3.0])}


def test_a_damaged_ledger_does_not_prevent_the_report(run, monkeypatch):
    def damaged(*arguments):
        raise DamagedFile("damaged")

    monkeypatch.setattr(contents, "find_reference", damaged)
    assert contents.read_contents(RunFiles(run[0])).reference is None


def test_many_classes_have_the_lowest_recalls_and_the_most_confused_pairs():
    names, confusion = [f"c{number}" for number in range(30)], np.diag(np.full(30, 6))
    confusion[4, 9], recall = 4, np.full(30, 1.0)
    recall[4] = 0.6
    found = {"classes": names, "recall": [*recall[:-1].tolist(), None], "confusion": confusion.tolist()}
    lowest, pairs = predictions.by_class(found)
    assert "<td>c4</td><td>0.6000</td>" in lowest and "c29" not in lowest
    assert "<td>c4</td><td>c9</td><td>4</td><td>40%</td>" in pairs
    assert predictions.by_class({"classes": names, "recall": [0.5] * 30})  # more classes than a matrix is made for
    assert predictions.by_class({}) == []


def test_commands_diagnose_resume_and_repeat_a_run(tmp_path):
    command = ["python", "-m", "zoo.train", "--recipe=lenet5", "--workdir", "old", "--set=a=b c", "--workdir=older"]
    commands = setup.commands(tmp_path, 3, command, finished=False, failed=False)
    resume, repeat = (parsed(each)[0].text for each in commands[1::2])
    assert resume == f"python -m zoo.train --recipe=lenet5 '--set=a=b c' --workdir={tmp_path}"
    assert repeat == f"{resume}-again"
    (_, python) = setup.commands(tmp_path, 3, ["ipykernel_launcher"], finished=True, failed=False)
    assert f"zoo.fit(recipe, '{tmp_path}-again', seed=3)" in parsed(python)[0].text
    commands = setup.commands(tmp_path, 3, command, finished=True, failed=True)
    assert [parsed(each)[0].text for each in commands[1::2]] == [f"python -m zoo.doctor {tmp_path}", repeat]


def test_the_commands_of_a_run_from_python_work(run, tmp_path, monkeypatch):
    code = parsed(setup.commands(run[0], 0, None, finished=True, failed=False)[-1])[0].text
    calls = []
    monkeypatch.setattr(zoo, "fit", lambda *arguments, **options: calls.append((arguments, options)))
    exec(code, {})
    (((recipe, folder), options),) = calls
    assert recipe == run[1].recipe and folder == f"{run[0]}-again" and options == {"seed": 0}


def test_probabilities_as_text():
    shown = [
        str(predictions._percent(value)).replace("\N{NO-BREAK SPACE}", " ") for value in (0.5, 0.9999, 1e-5, 0.0, "nan")
    ]
    assert shown == ["50.0 %", "&gt;99.9 %", "0.001 %", "0 %", "nan"]
    assert not contents.is_finite(math.nan) and not contents.is_finite("1")


@pytest.mark.parametrize("ahead", [True, False])
def test_mistakes_on_files_have_their_names_and_pictures(image_folder, tmp_path, ahead):
    """The first image cannot be decoded, so that the positions of decoded images are not those of the files."""
    folder = shutil.copytree(image_folder, tmp_path / "images")
    damaged = min((folder / "val" / "blue").iterdir())
    damaged.write_bytes(b"nothing")
    dataset, skipped = zoo.open_source(f"folder:{folder}"), []
    pipeline = make_pipeline(
        dataset.eval, (Resize(32),), channels=3, num_classes=3, on_corrupt=skipped.append, decode_ahead=ahead
    )
    assert pipeline.resident == ahead
    names = [pipeline.split.describe(index) for index in range(len(pipeline.split))]
    intact = np.array([index for index, name in enumerate(names) if name != str(damaged)])
    assert len(intact) == 11
    labels = np.array([dataset.class_names.index(Path(names[index]).parent.name) for index in intact])
    ones = np.ones(11, np.float32)
    found = describe_mistakes(Outcomes(intact, labels, (labels + 1) % 3, ones, ones, ones), pipeline, dataset)
    assert len(found["worst"]) == 11
    for entry in found["worst"]:
        path = Path(entry["name"])
        assert entry["class"] == path.parent.name
        file = resize_and_crop(Picture(path.read_bytes(), 3), (Resize(32),), np.random.default_rng(0))
        picture = Image.open(io.BytesIO(base64.b64decode(entry["picture"].partition(",")[2])))
        np.testing.assert_array_equal(np.asarray(picture), file)


@pytest.mark.slow
def test_several_devices_give_the_same_mistakes():
    """With 200 examples in batches of 192, the second of which is padded."""
    code = """if True:
        import json, sys
        sys.path[:0] = ["tests"]
        import examples, tiny
        from zoo.training.evaluation import evaluate_pipeline
        from zoo.training.prepare import prepare
        from zoo.training.run.mistakes import describe_mistakes
        experiment, found = prepare(tiny.RECIPE, examples.tiny_dataset()), []
        pipeline = experiment.eval_pipeline
        evaluate_pipeline(
            experiment.eval_step, experiment.initial_state(0).variables, experiment.constants(pipeline), pipeline,
            experiment.mesh, batch_size=48, on_outcomes=found.append,
        )
        print(json.dumps(describe_mistakes(*found, pipeline, experiment.dataset)))
    """
    found = []
    for devices in (1, 4):
        done = run_python("-c", code, devices=devices)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    for one, four in zip(*(each["worst"] + each["confident"] for each in found), strict=True):
        assert {name: one[name] for name in ("index", "name", "class", "predicted", "picture")} == {
            name: four[name] for name in ("index", "name", "class", "predicted", "picture")
        }
        assert one["loss"] == pytest.approx(four["loss"], rel=1e-4)
