"""Evaluation metrics against scikit-learn, and confusion matrices."""

import io
import json

import numpy as np
import pytest
from examples import features_dataset, tabular
from PIL import Image
from programs import run_python
from rich.console import Console

import zoo
from zoo.terminal import print_classes
from zoo.training.run.confusion import draw_confusion

RANDOM = np.random.default_rng(0)


def evaluate(logits, labels, classes):
    """Evaluates a network that returns its input features as logits."""
    dataset = features_dataset(logits, labels, classes=classes)
    recipe = tabular(normalization=zoo.recipe.Unscaled(), model__options={"hidden": []}, budget__batch_size=32)
    variables = {
        "params": {"fc1": {"kernel": np.eye(classes, dtype=np.float32), "bias": np.zeros(classes, np.float32)}}
    }
    return zoo.evaluate(recipe, variables, dataset)


@pytest.mark.parametrize("classes", [3, 10, 100, 101])
def test_metrics_match_scikit_learn(classes):
    sklearn = pytest.importorskip("sklearn.metrics")
    labels = RANDOM.integers(0, classes, 1000 + 7)
    labels[labels == 1] = 0  # a class without examples
    logits = (RANDOM.normal(0, 1, (len(labels), classes)) + 2 * np.eye(classes)[labels]).astype(np.float32)
    predictions, every = logits.argmax(1), np.arange(classes)
    metrics = evaluate(logits, labels, classes)
    assert metrics["examples"] == 1007 and metrics["top1"] == pytest.approx(sklearn.accuracy_score(labels, predictions))
    seen = np.unique(labels)
    recall = sklearn.recall_score(labels, predictions, labels=seen, average=None)
    assert metrics["balanced_accuracy"] == pytest.approx(recall.mean())
    assert metrics["recall"][1] is None
    np.testing.assert_allclose([metrics["recall"][label] for label in seen], recall)
    if classes >= 10:
        assert metrics["top5"] == pytest.approx(sklearn.top_k_accuracy_score(labels, logits, k=5, labels=every))
    else:
        assert "top5" not in metrics
    if classes <= 100:
        np.testing.assert_array_equal(metrics["confusion"], sklearn.confusion_matrix(labels, predictions, labels=every))
    else:
        assert "confusion" not in metrics
    assert json.loads(json.dumps(metrics)) == metrics


def test_top5_counts_the_five_largest_logits():
    logits = np.tile(np.arange(12, dtype=np.float32), (4, 1))
    metrics = evaluate(logits, [0, 6, 7, 11], 12)
    assert metrics["top5"] == 0.5 and metrics["top1"] == 0.25 and metrics["confusion"][0][11] == 1


@pytest.mark.slow
def test_records_have_numbers_and_by_class_json_has_lists(tmp_path, dataset, recipe):
    result = zoo.fit(recipe, tmp_path / "run", dataset=dataset)
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert all(isinstance(value, int | float | str) for value in record.values())
        assert ("top5" in record and "balanced_accuracy" in record) == (record["kind"] == "eval")
    kept = json.loads((tmp_path / "run" / "by_class.json").read_text())
    assert kept["step"] == 12 and kept["classes"] == list(dataset.class_names)
    counts = np.array(kept["confusion"])
    np.testing.assert_array_equal(counts.sum(1), np.bincount(dataset.eval.labels))
    assert np.trace(counts) / 200 == pytest.approx(result.metrics["top1"])
    np.testing.assert_allclose(kept["recall"], np.diag(counts) / counts.sum(1))
    assert result.metrics["confusion"] == kept["confusion"]
    assert zoo.fit(recipe, tmp_path / "run", dataset=dataset).metrics == result.metrics  # a finished run is loaded
    shown = run_python("-m", "zoo.evaluate", f"--workdir={tmp_path / 'run'}", "--data=fashion_mnist")
    assert shown.returncode == 0 and "recall" in shown.stdout and "Ankle boot" in shown.stdout, shown.stderr


@pytest.mark.slow
def test_metrics_do_not_depend_on_the_number_of_devices():
    code = """if True:
        import json, sys
        sys.path[:0] = ["tests", "tests/training"]
        import numpy as np
        import test_evaluation
        random = np.random.default_rng(1)
        labels = random.integers(0, 11, 203)
        print(json.dumps(test_evaluation.evaluate(random.normal(0, 1, (203, 11)), labels, 11)))
    """
    one, four = (json.loads(run_python("-c", code, devices=devices).stdout) for devices in (1, 4))
    assert one.pop("loss") == pytest.approx(four.pop("loss"), rel=1e-6) and one == four
    assert sum(map(sum, one["confusion"])) == 203


def test_confusion_matrix_shades_are_row_fractions(tmp_path):
    """Both classes are always predicted as the second one, so that the right column is dark."""
    draw_confusion([[0, 3], [0, 5]], ["cat", "dog"], tmp_path / "c.png", title="a run")
    pixels = np.asarray(Image.open(tmp_path / "c.png").convert("RGB")).astype(int)
    dark = np.abs(pixels - [8, 48, 107]).sum(-1) < 6  # the end of the colour map "Blues"
    rows, columns = np.flatnonzero(dark.sum(1) > 100), np.flatnonzero(dark.sum(0) > 100)
    assert np.ptp(rows) == pytest.approx(2 * np.ptp(columns), rel=0.05) and np.ptp(rows) > 200
    light = pixels[rows[0] + 5 : rows[-1] - 5, columns[0] - np.ptp(columns) + 5 : columns[0] - 5]
    assert light.min() > 240


@pytest.mark.parametrize("classes", [20, 21, 100])
def test_confusion_matrix_plots_of_many_classes(tmp_path, classes):
    names = [f"a rather long name of the class {number}" for number in range(classes)]
    draw_confusion(np.eye(classes, dtype=int), names, tmp_path / "c.png", title="a run")
    assert min(Image.open(tmp_path / "c.png").size) > 600


def test_the_table_of_classes():
    def text(*arguments, width=100):
        console = Console(width=width, record=True, file=io.StringIO())
        print_classes(console, *arguments)
        return console.export_text()

    small = text(("cat", "dog"), [0.75, None], [[3, 1], [0, 0]])
    assert [line.split() for line in small.splitlines() if "cat" in line or "dog" in line] == [
        ["class", "recall", "cat", "dog"],
        ["cat", "0.7500", "3", "1"],
        ["dog", "-", ".", "."],
    ]
    narrow = text(("ankle boots", "other shoes"), [0.75, None], [[3, 1], [0, 0]], width=44)
    assert "other shoes 1" in narrow and "predicted" in narrow and "…" not in narrow
    names = [f"c{number}" for number in range(13)]
    counts = np.zeros((13, 13), int)
    counts[0, :6] = [5, 1, 9, 0, 4, 2]
    large = text(names, [0.25] + [None] * 12, counts.tolist())
    assert "c2 9, c4 4, c5 2" in large and "c1 1" not in large
    assert "taken for" not in text(names, [0.25] * 13, None)
