"""Vectors of features: cleaned and normalized by what the training split says, and trained on as images are."""

import dataclasses

import jax
import numpy as np
import pytest
import scipy.stats
from examples import features_dataset, tabular

import zoo
from zoo.data import features
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.run.folder import RunFolder
from zoo.training.step.inputs import inputs_and_labels

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal([1e4, 0, -5, 3], [100, 1e-3, 2, 0], (101, 4)).astype(np.float32)
LABELS = np.arange(101) % 2


def network_inputs(recipe, dataset, split="eval"):
    """What the network is fed of a split, [N, F], and the experiment."""
    experiment = prepare(recipe, dataset)
    pipeline = getattr(experiment, f"{split}_pipeline")
    constants = experiment.constants(pipeline)
    batch = next(zoo.data.pipeline.evaluation_batches(pipeline, len(pipeline.split)))
    inputs, _ = inputs_and_labels(pipeline.transforms, constants, batch, jax.random.key(0))
    return np.asarray(inputs)[:, 0, 0], experiment


def gaps(rows, *places):
    rows = rows.copy()
    for row, column in places:
        rows[row, column] = np.nan
    return rows


def test_mean_and_deviation_of_each_feature():
    inputs, _ = network_inputs(tabular(), features_dataset(ROWS, LABELS, ROWS[:7] + 1, LABELS[:7]))
    expected = (ROWS[:7] + 1 - ROWS.astype(np.float64).mean(0)) / np.array([*ROWS.astype(np.float64).std(0)[:3], 1])
    np.testing.assert_allclose(inputs, expected, rtol=1e-5, atol=1e-3)
    inputs, _ = network_inputs(tabular(), features_dataset(ROWS, LABELS))
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(inputs.std(0), [1, 1, 1, 0], atol=1e-5)  # the last one is constant


def test_the_range_of_each_feature():
    inputs, _ = network_inputs(tabular(normalization=FeatureRange()), features_dataset(ROWS, LABELS))
    np.testing.assert_allclose(inputs.min(0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.max(0), [1, 1, 1, 0], atol=1e-6)
    beyond, _ = network_inputs(
        tabular(normalization=FeatureRange()), features_dataset(ROWS, LABELS, ROWS[:2] * 2, [0, 1])
    )
    low, high = ROWS.min(0)[:3], ROWS.max(0)[:3]
    np.testing.assert_allclose(beyond[:, :3], (ROWS[:2, :3] * 2 - low) / (high - low), rtol=1e-4)


def test_unscaled_features_are_as_they_were():
    inputs, _ = network_inputs(tabular(normalization=Unscaled()), features_dataset(ROWS, LABELS))
    np.testing.assert_array_equal(inputs, ROWS)


@pytest.mark.parametrize(("missing", "expected"), [(ImputeMean(), np.nanmean), (ImputeMedian(), np.nanmedian)])
def test_missing_values_are_what_the_training_split_says(missing, expected):
    train, evaluation = gaps(ROWS, (0, 0), (50, 0), (3, 2)), gaps(ROWS[:5] * 3, (1, 1), (2, 2), (2, 0))
    dataset = features_dataset(train, LABELS, evaluation, LABELS[:5])
    inputs, _ = network_inputs(tabular(normalization=Unscaled(), data__missing=missing), dataset)
    fill = expected(train.astype(np.float64), axis=0).astype(np.float32)
    np.testing.assert_array_equal(inputs, np.where(np.isnan(evaluation), fill, evaluation))


def test_imputed_values_count_in_the_normalization():
    train = gaps(ROWS, (0, 2), (1, 2), (2, 2))
    inputs, _ = network_inputs(tabular(data__missing=ImputeMedian()), features_dataset(train, LABELS))
    np.testing.assert_allclose(inputs[:, 2].mean(), 0, atol=1e-5)
    np.testing.assert_allclose(inputs[:, 2].std(), 1, atol=1e-5)


def test_missing_and_infinite_values_are_errors_that_say_where():
    with pytest.raises(ZooError, match=r"eval\[3\]: the feature 'x2' is missing: .* data.missing=ImputeMean"):
        prepare(tabular(), features_dataset(ROWS, LABELS, gaps(ROWS, (3, 2)), LABELS))
    infinite = ROWS.copy()
    infinite[9, 1] = -np.inf
    with pytest.raises(ZooError, match=r"train\[9\]: the feature 'x1' is infinite"):
        prepare(tabular(data__missing=ImputeMean()), features_dataset(infinite, LABELS))
    empty = gaps(ROWS, *((row, 3) for row in range(len(ROWS))))
    with pytest.raises(ZooError, match="features: the feature 'x3' has no value in training"):
        prepare(tabular(data__missing=ImputeMean()), features_dataset(empty, LABELS))


def test_winsorized_values_are_those_of_scipy():
    # 101 values: the quantiles 0.05 and 0.95 are the values with five beyond them, so that both definitions agree.
    winsorize = tabular(normalization=Unscaled(), data__outliers=Winsorize(0.05, 0.95))
    inputs, _ = network_inputs(winsorize, features_dataset(ROWS, LABELS))
    for column in range(4):
        expected = scipy.stats.mstats.winsorize(ROWS[:, column], (0.05, 0.05))
        np.testing.assert_allclose(inputs[:, column], expected, rtol=1e-6)


def test_evaluation_is_winsorized_to_the_training_split_s_quantiles():
    train, wild = gaps(ROWS, (0, 0)), gaps(np.array([[1e9, -1e9, 0, 3], [0, 0, 0, 0]], np.float32), (1, 2))
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


def test_trimming_leaves_training_examples_out_and_no_others():
    rows = gaps(ROWS, (50, 1))
    recipe = tabular(normalization=Unscaled(), data__outliers=Trim(0.05, 0.95), data__missing=ImputeMean())
    inputs, experiment = network_inputs(recipe, features_dataset(rows, LABELS), "eval")
    low, high = np.nanquantile(rows.astype(np.float64), [0.05, 0.95], axis=0)
    kept = ~((rows < low) | (rows > high)).any(1)
    assert 60 < kept.sum() < 101 and len(inputs) == 101
    np.testing.assert_array_equal(features.vectors(experiment.dataset.train), rows[kept])
    np.testing.assert_array_equal(experiment.dataset.train.labels, LABELS[kept])
    assert inputs[:, 0].max() == rows[:, 0].max()  # evaluation counts every example as it is
    with pytest.raises(ZooError, match="Trim leaves no training example of a class"):
        prepare(recipe, features_dataset([*[[1, 2]] * 30, [9, 9]], [0] * 30 + [1]))
    with pytest.raises(ZooError, match="each training example of train has an outlier, and Trim leaves none"):
        prepare(tabular(data__outliers=Trim(0.4, 0.6)), features_dataset(np.array([[0.0, 1], [1, 0]]), [0, 1]))


def test_statistics_are_kept_with_the_run_and_used_in_evaluation(tmp_path):
    dataset = features_dataset(gaps(ROWS, (0, 0)), LABELS, gaps(ROWS, (1, 1)), LABELS)
    recipe = tabular(data__missing=ImputeMean(), data__outliers=Winsorize())
    result = zoo.fit(recipe, tmp_path / "run", dataset=dataset)
    run = zoo.load_run(tmp_path / "run")
    for ours, theirs in zip(run.statistics, result.statistics, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert run.feature_names == ("x0", "x1", "x2", "x3")
    # Of another training split, with whose statistics the result would be another one.
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
    measured = zoo.data.Statistics(*(np.ones(3, np.float32), np.ones(3, np.float32), np.eye(3, dtype=np.float32)))
    folder = RunFolder(tmp_path)
    folder.write_statistics(measured)
    assert set(np.load(tmp_path / "statistics.npz").files) == {"mean", "scale", "color_components"}
    again = folder.read_statistics()
    assert again.fill is None and again.low is None
    np.testing.assert_array_equal(again.color_components, np.eye(3))
    np.savez(tmp_path / "statistics.npz", mean=np.ones(3))
    with pytest.raises(ZooError, match="statistics.npz is damaged"):
        folder.read_statistics()


def test_features_and_images_are_told_apart(dataset):
    with pytest.raises(
        ZooError, match=r"tiny has images, and normalization=FeatureMeanStd\(\) is for vectors of features"
    ):
        prepare(tabular(), dataset)
    images = zoo.load_recipe("alexnet")
    with pytest.raises(
        ZooError, match=r"features has vectors of features, and normalization=ChannelMeanStd\(\) is for images"
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


def test_a_table_trains_to_its_end(tmp_path):
    """Two classes that a line separates, from a file, with a category and a gap."""
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


def test_larger_than_the_device_and_resident_are_the_same(monkeypatch):
    dataset = features_dataset(ROWS, LABELS)
    resident = zoo.fit(tabular(), dataset=dataset)
    monkeypatch.setattr(
        zoo.data.pipeline.make_pipeline,
        "__kwdefaults__",
        {**zoo.data.pipeline.make_pipeline.__kwdefaults__, "resident_bytes": 1},
    )
    streamed = zoo.fit(tabular(), dataset=dataset)
    assert [r["loss"] for r in streamed.history] == pytest.approx([r["loss"] for r in resident.history], rel=1e-5)
