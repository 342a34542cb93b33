"""Tests of folds and held-out examples: no overlap, stratified classes, and an untouched evaluation split."""

import dataclasses
import json

import numpy as np
import pytest
from examples import features_dataset, tabular
from programs import TINY_FLAGS, run_python

import zoo
from zoo.data.splitting import folds, hold_out
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.training.cross_validation import cross_validate
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.permutation(np.array([0] * 83 + [1] * 31 + [2] * 9))
ROWS = RANDOM.normal(0, 1, (123, 3)) + LABELS[:, None]


@pytest.mark.parametrize("count", [2, 4, 5, 9])
def test_folds_have_every_example_once_and_are_stratified(count):
    parts = folds(LABELS, count, seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(123))
    assert {len(part) for part in parts} <= {123 // count, -(-123 // count)}
    by_class = np.array([np.bincount(LABELS[part], minlength=3) for part in parts])
    assert (np.ptp(by_class, axis=0) <= 1).all()


def test_folds_are_determined_by_the_seed():
    first, again, other = (folds(LABELS, 4, seed) for seed in (0, 0, 1))
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any(not np.array_equal(ours, theirs) for ours, theirs in zip(first, other, strict=True))


def test_too_many_folds():
    with pytest.raises(ZooError, match="cannot make 10 folds: .* class 2 has 9 training examples"):
        folds(LABELS, 10, seed=0)
    with pytest.raises(ZooError, match="cannot make 10 folds: .* class 'rose' has 9 training examples"):
        folds(LABELS, 10, 0, ("iris", "tulip", "rose"))
    with pytest.raises(ZooError, match="cannot make 1 folds: at least 2 are required$"):
        folds(LABELS, 1, seed=0)


def test_cross_validation_names_the_class():
    dataset = features_dataset(np.zeros((5, 2)), [0, 0, 0, 1, 1])
    with pytest.raises(ZooError, match="cannot make 3 folds: .* class 'right' has 2 training examples"):
        cross_validate(tabular(), 3, dataset=dataclasses.replace(dataset, class_names=("left", "right")))


@pytest.mark.parametrize("fraction", [0.001, 0.25, 0.999])
def test_held_out_examples(fraction):
    kept, out = hold_out(LABELS, fraction)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, out])), np.arange(123))
    counts = np.array([83, 31, 9])
    np.testing.assert_array_equal(np.bincount(LABELS[out]), np.clip(np.round(fraction * counts), 1, counts - 1))
    assert len(hold_out(np.array([0, 1]), 0.5)[1]) == 0


class Evaluations(Tracker):
    def begin(self, experiment, first_step):
        self.experiment, self.first_step = experiment, first_step


def test_validation_during_training_and_evaluation_at_the_end(tmp_path):
    evaluation = features_dataset(ROWS[:50] + 100, LABELS[:50], classes=3).train
    dataset = features_dataset(ROWS, LABELS, evaluation.images[:, 0, 0], evaluation.labels, classes=3)
    tracker = Evaluations()
    recipe = tabular(data__validation=0.2, budget__evaluate_every=0.25)
    result = zoo.fit(recipe, tmp_path / "run", dataset=dataset, trackers=[tracker])
    experiment = tracker.experiment
    train, held_out = experiment.train_pipeline.split, experiment.validation_pipeline.split
    assert len(train) + len(held_out) == 123 and len(held_out) == round(0.2 * 83) + round(0.2 * 31) + round(0.2 * 9)
    assert not {row.tobytes() for row in train.images} & {row.tobytes() for row in held_out.images}
    evaluations = [(r["kind"], r["examples"]) for r in result.history if r["kind"] != "train"]
    assert evaluations == [("validation", len(held_out))] * 3 + [("eval", 50)]
    np.testing.assert_allclose(experiment.statistics.mean, train.images[:, 0, 0].astype(float).mean(0), rtol=1e-5)
    metrics = zoo.evaluate(recipe, result.variables, dataset)  # recomputes the same statistics
    assert metrics["loss"] == pytest.approx(result.metrics["loss"], rel=1e-6) and metrics["examples"] == 50
    steps = {int(path.name) for path in (tmp_path / "run" / "checkpoints").iterdir()}
    best = max((r for r in result.history if r["kind"] == "validation"), key=lambda r: (r["top1"], r["step"]))
    assert {15, 20} <= steps and steps - {15, 20} <= {best["step"], 5, 10}


def test_without_validation_the_training_split_is_unchanged(dataset, recipe):
    experiment = prepare(recipe, dataset)
    assert experiment.validation_pipeline is None and experiment.train_pipeline.examples is None
    assert experiment.dataset.train is dataset.train


def test_cross_validation(tmp_path):
    dataset = features_dataset(ROWS, LABELS, ROWS[:3] + 1000, LABELS[:3], classes=3)
    seen = []

    def trackers(name):
        seen.append((name, Evaluations()))
        return [seen[-1][1]]

    found = cross_validate(tabular(), 3, tmp_path / "runs", seed=4, dataset=dataset, trackers=trackers)
    assert [name for name, _ in seen] == ["fold1", "fold2", "fold3"]
    evaluated = [tracker.experiment.dataset.eval.images for _, tracker in seen]
    everything = np.concatenate(evaluated)[:, 0, 0]
    np.testing.assert_array_equal(np.unique(everything, axis=0), np.unique(ROWS.astype(np.float32), axis=0))
    for _, tracker in seen:
        train, fold = (
            {row.tobytes() for row in split.images}
            for split in (tracker.experiment.dataset.train, tracker.experiment.dataset.eval)
        )
        assert not train & fold and len(train) + len(fold) == 123
        np.testing.assert_allclose(
            tracker.experiment.statistics.mean,
            tracker.experiment.dataset.train.images[:, 0, 0].astype(float).mean(0),
            rtol=1e-4,
        )
    scores = [result.metrics["top1"] for result in found.results]
    assert found.mean["top1"] == pytest.approx(np.mean(scores)) and found.std["top1"] == pytest.approx(
        np.std(scores, ddof=1)
    )
    with pytest.warns(zoo.errors.ZooWarning, match="CrossValidation.deviation is called std now"):
        assert found.deviation == found.std
    saved = json.loads((tmp_path / "runs" / "cross_validation.json").read_text())
    assert saved["mean"] == found.mean and len(saved["folds"]) == 3
    seen.clear()
    again = cross_validate(tabular(), 3, tmp_path / "runs", seed=4, dataset=dataset, trackers=trackers)
    assert again.mean == found.mean and [tracker.first_step for _, tracker in seen] == [20, 20, 20]
    with pytest.raises(ZooError, match="belongs to another run"):
        cross_validate(tabular(), 4, tmp_path / "runs", seed=4, dataset=dataset)


@pytest.mark.slow
def test_cross_validation_from_the_command_line(tmp_path, image_folder):
    arguments = [*TINY_FLAGS, f"--data=folder:{image_folder}", f"--workdir={tmp_path}", "--folds=2", "--json"]
    done = run_python("-m", "zoo.train", *arguments, "--set=budget.steps=4")
    report = json.loads(done.stdout)
    assert report["folds"] == 2 and done.returncode == (0 if report["converged"] else 1), done.stderr
    verdicts = [json.loads((tmp_path / f"fold{number}" / "verdict.json").read_text()) for number in (1, 2)]
    assert report["mean"]["top1"] == pytest.approx(np.mean([verdict["value"] for verdict in verdicts]))
    assert "fold 2 of 2: 24 training and 24 evaluation images" in done.stderr and "top1 over 2 folds" in done.stderr


class CustomSplit:
    """A custom split class with features in memory."""

    def __init__(self, split):
        self.images, self.labels = split.images, split.labels

    def __len__(self):
        return len(self.labels)

    def read(self, index):
        return self.images[index], int(self.labels[index])

    def describe(self, index):
        return f"measurement {index}"


@pytest.mark.parametrize(
    "change", [{"data.validation": 0.2}, {"data.outliers": Trim(0.001, 0.999)}, {"imbalance": SMOTE()}]
)
def test_subset_of_a_custom_split_with_features(change):
    recipe, dataset = zoo.load_recipe("mlp").override(change), zoo.open_source("synthetic:ringnorm")
    custom = dataclasses.replace(dataset, train=CustomSplit(dataset.train), eval=CustomSplit(dataset.eval))
    pipelines = [prepare(recipe, each).train_pipeline for each in (dataset, custom)]
    np.testing.assert_array_equal(*(pipeline.split.images for pipeline in pipelines))
    np.testing.assert_array_equal(*(pipeline.split.labels for pipeline in pipelines))
    assert all(pipeline.resident for pipeline in pipelines)
    if "imbalance" not in change:  # synthetic examples have no source
        assert pipelines[1].split.describe(0).startswith("measurement ")
