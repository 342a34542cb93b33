"""Tests of the programs zoo.predict and zoo.export: output, messages and exit statuses."""

import csv
import io
import json

import pytest
from photographs import lite0_weights, photographs
from programs import TINY_FLAGS, run_python

import zoo

SOME_SECONDS = 200


def predict(*arguments):
    return run_python("-m", "zoo.predict", *arguments, timeout=SOME_SECONDS)


def export(*arguments):
    return run_python("-m", "zoo.export", *arguments, timeout=SOME_SECONDS)


@pytest.fixture(scope="module")
def workdir(image_folder, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "mine"
    done = run_python("-m", "zoo.train", *TINY_FLAGS, f"--data=folder:{image_folder}", f"--workdir={workdir}")
    assert done.returncode in (0, 1), done.stderr
    return workdir


@pytest.fixture(scope="module")
def pictures(image_folder, tmp_path_factory):
    """A folder with two images in a sub-folder, one that is damaged, and one whose name has an escape sequence."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "below").mkdir()
    for number, path in enumerate(sorted((image_folder / "val" / "red").iterdir())[:2]):
        (folder / "below" / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (folder / "na\x1b[31mme.png").write_bytes(b"")
    return folder


def test_table_of_a_folder_and_a_file(workdir, pictures):
    """Flags may follow paths; damaged images are named on standard error, counted, and make the status 1."""
    file = pictures / "below" / sorted(path.name for path in (pictures / "below").iterdir())[0]
    done = predict(f"--workdir={workdir}", file, pictures, "--top=2")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 9 and lines[0] == lines[3] == str(file)
    assert all("%" in line for line in lines if line.startswith(" "))
    assert "not classified: " in done.stderr and "damaged.jpg" in done.stderr
    assert r"na\x1b[31mme.png" in done.stderr and "\x1b" not in done.stdout + done.stderr
    assert done.stderr.splitlines()[-1] == "2 of 5 images cannot be decoded"


def test_json_and_csv(workdir, pictures):
    below = pictures / "below"
    classifier = zoo.load_classifier(workdir)
    wanted = classifier.predict(below, top=2)
    done = predict(f"--workdir={workdir}", below, "--json", "--top=2")
    assert done.returncode == 0, done.stderr
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(predict(f"--workdir={workdir}", below, "--csv", "--top=2").stdout)))
    assert len(objects) == len(rows) == len(wanted) == 2
    for prediction, found, row in zip(wanted, objects, rows, strict=True):
        assert found["example"] == row["example"] == prediction.example
        assert tuple(each["class"] for each in found["predictions"]) == prediction.classes
        assert (row["class_1"], row["class_2"]) == prediction.classes
        for place, probability in enumerate(prediction.probabilities):
            assert found["predictions"][place]["probability"] == pytest.approx(probability, abs=1e-3)
            assert float(row[f"probability_{place + 1}"]) == pytest.approx(probability, abs=1e-3)


def test_published_weights():
    done = predict("--model=efficientnet_lite0", f"--weights={lite0_weights()}", *photographs(), "--top=1", "--json")
    assert done.returncode == 0, done.stderr
    best = [json.loads(line)["predictions"][0]["class"] for line in done.stdout.splitlines()]
    assert best == ["palace", "daisy"]


@pytest.mark.parametrize(
    ("program", "arguments", "message"),
    [
        (predict, [], "nothing to classify"),
        (predict, ["x.jpg"], "give either --workdir=FOLDER, or --weights=FILE and --model=NAME"),
        (predict, ["x.jpg", "--workdir=missing"], "--workdir=missing: folder not found"),
        (predict, ["x.jpg", "--workdir=tests", "--model=lenet5"], "--model is for --weights"),
        (predict, ["x.jpg", "--workdir=tests", "--json", "--csv"], "give --json or --csv, not both"),
        (predict, ["x.jpg", "--workdir=tests"], "tests is not the folder of a run"),
        (predict, ["x.jpg", "--weights=missing.safetensors"], "missing.safetensors cannot be read: No such file"),
        (predict, ["x.jpg", "--tap=3"], "Unknown command line flag 'tap'"),
        (export, ["--workdir=tests", "--output=x"], "missing --format=NAME, where NAME is one of stablehlo, onnx"),
        (export, ["--workdir=tests", "--format=onnx"], "missing --output=PATH"),
        (export, ["--format=onnx", "--output=x"], "give either --workdir=FOLDER"),
        (export, ["--workdir=tests", "--format=onnx", "--output=x", "y"], "unexpected argument 'y'"),
    ],
)
def test_usage_errors(program, arguments, message):
    done = program(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_export_and_prediction_with_the_exported_file(workdir, pictures, tmp_path):
    output = tmp_path / "mine.safetensors"
    done = export(f"--workdir={workdir}", "--format=safetensors", f"--output={output}", "--layout=torch")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"wrote {output}"
    assert "checked: largest difference of the logits of 8 examples of folder:" in done.stdout
    first = predict(f"--weights={output}", pictures / "below", "--json")
    assert first.returncode == 0, first.stderr
    assert first.stdout == predict(f"--workdir={workdir}", pictures / "below", "--json").stdout
    again = export(f"--workdir={workdir}", "--format=safetensors", f"--output={output}")
    assert again.returncode == 2 and "exists: choose another output" in again.stderr


def test_export_as_json(workdir, pictures, tmp_path):
    output = tmp_path / "mine.stablehlo"
    check = f"--check={pictures / 'below'}"
    done = export(f"--workdir={workdir}", "--format=stablehlo", f"--output={output}", check, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["paths"] == [str(output), f"{output}.json"] and found["passed"] and found["examples"] == 2
    assert found["source"] == "the given files" and 0 <= found["difference"] < 1e-3 * found["scale"]
