"""Tests of vectors of features: imputation, outliers and normalization by training statistics, and training."""

import dataclasses

import jax
import numpy as np
import pytest
import scipy.stats
from examples import features_dataset, tabular

import zoo
from zoo.data import features
from zoo.data.normalization import Statistics
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.run.folder import RunFolder
from zoo.training.step.inputs import inputs_and_labels

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal([1e4, 0, -5, 3], [100, 1e-3, 2, 0], (101, 4)).astype(np.float32)
LABELS = np.arange(101) % 2


def network_inputs(recipe, dataset, split="eval"):
    """Returns the network inputs of a split, [N, F], and the experiment."""
    experiment = prepare(recipe, dataset)
    pipeline = getattr(experiment, f"{split}_pipeline")
    constants = experiment.constants(pipeline)
    batch = next(zoo.data.pipeline.evaluation_batches(pipeline, len(pipeline.split)))
    inputs, _ = inputs_and_labels(pipeline.transforms, constants, batch, jax.random.key(0))
    return np.asarray(inputs)[:, 0, 0], experiment


def with_missing(rows, *places):
    rows = rows.copy()
    for row, column in places:
        rows[row, column] = np.nan
    return rows


def test_feature_mean_and_std():
    inputs, _ = network_inputs(tabular(), features_dataset(ROWS, LABELS, ROWS[:7] + 1, LABELS[:7]))
    expected = (ROWS[:7] + 1 - ROWS.astype(np.float64).mean(0)) / np.array([*ROWS.astype(np.float64).std(0)[:3], 1])
    np.testing.assert_allclose(inputs, expected, rtol=1e-5, atol=1e-3)
    inputs, _ = network_inputs(tabular(), features_dataset(ROWS, LABELS))
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(inputs.std(0), [1, 1, 1, 0], atol=1e-5)  # the last one is constant


def test_feature_range():
    inputs, _ = network_inputs(tabular(normalization=FeatureRange()), features_dataset(ROWS, LABELS))
    np.testing.assert_allclose(inputs.min(0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.max(0), [1, 1, 1, 0], atol=1e-6)
    beyond, _ = network_inputs(
        tabular(normalization=FeatureRange()), features_dataset(ROWS, LABELS, ROWS[:2] * 2, [0, 1])
    )
    low, high = ROWS.min(0)[:3], ROWS.max(0)[:3]
    np.testing.assert_allclose(beyond[:, :3], (ROWS[:2, :3] * 2 - low) / (high - low), rtol=1e-4)


def test_unscaled_features_are_unchanged():
    inputs, _ = network_inputs(tabular(normalization=Unscaled()), features_dataset(ROWS, LABELS))
    np.testing.assert_array_equal(inputs, ROWS)


@pytest.mark.parametrize(("missing", "expected"), [(ImputeMean(), np.nanmean), (ImputeMedian(), np.nanmedian)])
def test_missing_values_are_imputed_with_training_statistics(missing, expected):
    train, evaluation = with_missing(ROWS, (0, 0), (50, 0), (3, 2)), with_missing(ROWS[:5] * 3, (1, 1), (2, 2), (2, 0))
    dataset = features_dataset(train, LABELS, evaluation, LABELS[:5])
    inputs, _ = network_inputs(tabular(normalization=Unscaled(), data__missing=missing), dataset)
    fill = expected(train.astype(np.float64), axis=0).astype(np.float32)
    np.testing.assert_array_equal(inputs, np.where(np.isnan(evaluation), fill, evaluation))


def test_normalization_includes_imputed_values():
    train = with_missing(ROWS, (0, 2), (1, 2), (2, 2))
    inputs, _ = network_inputs(tabular(data__missing=ImputeMedian()), features_dataset(train, LABELS))
    np.testing.assert_allclose(inputs[:, 2].mean(), 0, atol=1e-5)
    np.testing.assert_allclose(inputs[:, 2].std(), 1, atol=1e-5)


def test_missing_and_infinite_values_are_errors_with_their_location():
    with pytest.raises(ZooError, match=r"eval\[3\]: feature 'x2' is missing: .* data.missing=ImputeMean"):
        prepare(tabular(), features_dataset(ROWS, LABELS, with_missing(ROWS, (3, 2)), LABELS))
    infinite = ROWS.copy()
    infinite[9, 1] = -np.inf
    with pytest.raises(ZooError, match=r"train\[9\]: feature 'x1' is infinite"):
        prepare(tabular(data__missing=ImputeMean()), features_dataset(infinite, LABELS))
    empty = with_missing(ROWS, *((row, 3) for row in range(len(ROWS))))
    with pytest.raises(ZooError, match="features: feature 'x3' has no value in the training split"):
        prepare(tabular(data__missing=ImputeMean()), features_dataset(empty, LABELS))


def test_winsorizing_matches_scipy():
    # With 101 values, exactly five are beyond each of the quantiles 0.05 and 0.95, so both definitions agree.
    winsorize = tabular(normalization=Unscaled(), data__outliers=Winsorize(0.05, 0.95))
    inputs, _ = network_inputs(winsorize, features_dataset(ROWS, LABELS))
    for column in range(4):
        expected = scipy.stats.mstats.winsorize(ROWS[:, column], (0.05, 0.05))
        np.testing.assert_allclose(inputs[:, column], expected, rtol=1e-6)


def test_evaluation_is_winsorized_to_training_quantiles():
    train, wild = (
        with_missing(ROWS, (0, 0)),
        with_missing(np.array([[1e9, -1e9, 0, 3], [0, 0, 0, 0]], np.float32), (1, 2)),
    )
    recipe = tabular(data__outliers=Winsorize(0.1, 0.8), data__missing=ImputeMean())
    inputs, experiment = network_inputs(recipe, features_dataset(train, LABELS, wild, [0, 1]))
    low, high = np.nanquantile(train.astype(np.float64), [0.1, 0.8], axis=0)
    clipped = np.clip(train.astype(np.float64), low, high)
    fill = np.nanmean(clipped, axis=0)
    clipped = np.where(np.isnan(clipped), fill, clipped)
    expected = np.clip(wild, low, high)
    expected = (np.where(np.isnan(expected), fill, expected) - clipped.mean(0)) / np.maximum(clipped.std(0), 1e-12)
    np.testing.assert_allclose(inputs[:, :3], expected[:, :3], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(experiment.statistics.fill, fill, rtol=1e-6)


def test_trimming_removes_only_training_examples():
    rows = with_missing(ROWS, (50, 1))
    recipe = tabular(normalization=Unscaled(), data__outliers=Trim(0.05, 0.95), data__missing=ImputeMean())
    inputs, experiment = network_inputs(recipe, features_dataset(rows, LABELS), "eval")
    low, high = np.nanquantile(rows.astype(np.float64), [0.05, 0.95], axis=0)
    kept = ~((rows < low) | (rows > high)).any(1)
    assert 60 < kept.sum() < 101 and len(inputs) == 101
    np.testing.assert_array_equal(features.vectors(experiment.dataset.train), rows[kept])
    np.testing.assert_array_equal(experiment.dataset.train.labels, LABELS[kept])
    assert inputs[:, 0].max() == rows[:, 0].max()  # evaluation includes every example, unchanged
    with pytest.raises(ZooError, match="Trim removes all training examples of a class: widen its quantiles"):
        prepare(recipe, features_dataset([*[[1, 2]] * 30, [9, 9]], [0] * 30 + [1]))
    with pytest.raises(ZooError, match="Trim removes every training example of train: widen its quantiles"):
        prepare(tabular(data__outliers=Trim(0.4, 0.6)), features_dataset(np.array([[0.0, 1], [1, 0]]), [0, 1]))


def test_statistics_are_saved_with_the_run_and_used_in_evaluation(tmp_path):
    dataset = features_dataset(with_missing(ROWS, (0, 0)), LABELS, with_missing(ROWS, (1, 1)), LABELS)
    recipe = tabular(data__missing=ImputeMean(), data__outliers=Winsorize())
    result = zoo.fit(recipe, tmp_path / "run", dataset=dataset)
    run = zoo.load_run(tmp_path / "run")
    for ours, theirs in zip(run.statistics, result.statistics, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert run.feature_names == ("x0", "x1", "x2", "x3")
    # Another training split, whose own statistics would change the result.
    other = dataclasses.replace(dataset, train=features_dataset(-ROWS, LABELS).train)
    metrics = zoo.evaluate(recipe, run.variables, other, statistics=run.statistics, feature_names=run.feature_names)
    assert metrics == {name: result.metrics[name] for name in metrics}
    assert zoo.evaluate(recipe, run.variables, other)["loss"] != metrics["loss"]
    renamed = dataclasses.replace(dataset, feature_names=("x1", "x0", "x2", "x3"))
    with pytest.raises(ZooError, match="was trained for the features x0, x1, x2, x3; features has x1, x0, x2, x3"):
        zoo.evaluate(recipe, run.variables, renamed, statistics=run.statistics, feature_names=run.feature_names)
    with pytest.raises(ZooError, match="features of the data: .*'x1', 'x0'"):
        zoo.fit(recipe, tmp_path / "run", dataset=renamed)


def test_statistics_of_images_have_no_bounds(tmp_path):
    measured = Statistics(*(np.ones(3, np.float32), np.ones(3, np.float32), np.eye(3, dtype=np.float32)))
    folder = RunFolder(tmp_path)
    folder.write_statistics(measured)
    assert set(np.load(tmp_path / "statistics.npz").files) == {"mean", "scale", "color_components"}
    again = folder.read_statistics()
    assert again.fill is None and again.low is None
    np.testing.assert_array_equal(again.color_components, np.eye(3))
    np.savez(tmp_path / "statistics.npz", mean=np.ones(3))
    with pytest.raises(ZooError, match="statistics.npz is damaged"):
        folder.read_statistics()


def test_recipes_for_images_and_features_are_not_interchangeable(dataset):
    with pytest.raises(
        ZooError, match=r"tiny has images, but normalization=FeatureMeanStd\(\) is for vectors of features"
    ):
        prepare(tabular(), dataset)
    images = zoo.load_recipe("alexnet")
    with pytest.raises(
        ZooError, match=r"features has vectors of features, but normalization=ChannelMeanStd\(\) is for images"
    ):
        prepare(images, features_dataset(ROWS, LABELS))
    with pytest.raises(ZooError, match="FeatureRange is for feature vectors: augmentation must be Normalize"):
        images.override({"normalization": FeatureRange()})
    for path, part in (("data.missing", ImputeMean()), ("data.outliers", Trim()), ("imbalance", SMOTE())):
        with pytest.raises(ZooError, match=f"is for feature vectors, and ChannelMeanStd for images: set {path}=None"):
            images.override({path: part})
    for wrong in (dict(lower=0.5), dict(lower=-0.1), dict(upper=0.5), dict(upper=1.1)):
        with pytest.raises(ZooError, match="must be in"):
            Winsorize(**wrong)
    with pytest.raises(ZooError, match="label must be None for fashion_mnist, which has no columns"):
        Data("fashion_mnist", label="kind")


def test_training_on_a_table(tmp_path):
    """Trains on a file with linearly separable classes, a category and a missing value."""
    random = np.random.default_rng(1)
    rows = random.normal(0, 1, (400, 2)) * [1000, 0.01]
    lines = [
        f"{x},{y},{'up' if number % 3 else 'down'},{'yes' if x / 1000 + y / 0.01 > 0 else 'no'}"
        for number, (x, y) in enumerate(rows)
    ]
    lines[5] = ",0.1,up,yes"
    (tmp_path / "t.csv").write_text("\n".join(["x,y,direction,answer", *lines]))
    recipe = tabular(f"csv:{tmp_path / 't.csv'}", data__missing=ImputeMean(), budget__steps=200)
    result = zoo.fit(recipe, tmp_path / "run")
    assert result.metrics["top1"] > 0.93 and "examples after 200 steps" in result.verdict.explanation
    unscaled = zoo.fit(recipe.override({"normalization": Unscaled()}))
    assert unscaled.verdict.value is None or unscaled.metrics["top1"] < result.metrics["top1"]


def test_streamed_and_resident_training_agree(monkeypatch):
    dataset = features_dataset(ROWS, LABELS)
    resident = zoo.fit(tabular(), dataset=dataset)
    monkeypatch.setattr(
        zoo.data.pipeline.make_pipeline,
        "__kwdefaults__",
        {**zoo.data.pipeline.make_pipeline.__kwdefaults__, "resident_bytes": 1},
    )
    streamed = zoo.fit(tabular(), dataset=dataset)
    assert [r["loss"] for r in streamed.history] == pytest.approx([r["loss"] for r in resident.history], rel=1e-5)
