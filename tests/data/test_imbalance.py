"""Tests of class weights, over-sampling, under-sampling and SMOTE, which affect training examples only."""

import dataclasses
import itertools

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from examples import features_dataset, tabular

import zoo
from zoo.data.features import vectors
from zoo.data.imbalance import interpolated
from zoo.data.pipeline import training_batches
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step.loss import example_losses
from zoo.training.step.objective import Objective, sums_of_outputs, sums_over_examples

RANDOM = np.random.default_rng(0)
LABELS = np.array([0] * 300 + [1] * 40 + [2] * 60)
ROWS = (RANDOM.normal(0, 1, (400, 2)) + LABELS[:, None] * 3).astype(np.float32) * np.array([1000, 1], np.float32)


@pytest.fixture(scope="module")
def skewed():
    return features_dataset(ROWS, LABELS, classes=3)


def prepared(dataset, imbalance, **changes):
    return prepare(tabular(imbalance=imbalance, **changes), dataset)


def epoch(experiment):
    """Returns the positions in the training split of one epoch, in the order of training."""
    pipeline = experiment.train_pipeline
    batches = itertools.islice(training_batches(pipeline, 10, seed=0), -(-pipeline.epoch // 10))
    return np.concatenate([batch.index for batch in batches])[: pipeline.epoch]


def test_balanced_weights_match_scikit_learn(skewed):
    class_weight = pytest.importorskip("sklearn.utils.class_weight")
    weights = prepared(skewed, ClassWeights()).class_weights
    expected = class_weight.compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    np.testing.assert_allclose(weights, 400 / (3 * np.array([300, 40, 60])), rtol=1e-6)
    assert weights[LABELS].mean() == pytest.approx(1)


def test_weights_by_name(skewed):
    np.testing.assert_array_equal(prepared(skewed, ClassWeights({"1": 2.5})).class_weights, [1, 2.5, 1])
    assert prepared(skewed, None).class_weights is None
    with pytest.raises(ZooError, match="unknown class in imbalance.weights '7'"):
        prepared(skewed, ClassWeights({"7": 1.0}))
    with pytest.raises(ZooError, match="ClassWeights.weights must be at least 0"):
        ClassWeights({"1": -1.0})


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_class_weights_multiply_the_loss_of_each_example(smoothing):
    logits, labels = RANDOM.normal(0, 2, (7, 3)), np.array([0, 1, 2, 2, 1, 0, 0])
    present, weights = np.array([1, 1, 1, 1, 1, 1, 0], np.float32), np.array([0.5, 2.0, 3.0])
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    targets = np.eye(3)[labels] * (1 - smoothing) + smoothing / 3
    expected = (weights[labels] * -(targets * log_p).sum(1) * present).sum()
    objective = Objective(label_smoothing=smoothing, class_weights=jnp.asarray(weights))
    found = sums_over_examples(jnp.asarray(logits), jnp.eye(3)[labels], jnp.asarray(present), objective)
    assert float(found.loss) == pytest.approx(expected, rel=1e-5)
    assert float(found.count.sum()) == 6  # counts are not weighted


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), SigmoidCrossEntropy(), Huber()])
def test_mixed_examples_have_mixed_class_weights_in_every_head(loss):
    main, other = RANDOM.normal(0, 2, (2, 4, 3))
    labels, fraction, weights = np.array([0, 1, 2, 2]), np.array([0.9, 0.7, 1.0, 0.6]), np.array([0.5, 2.0, 3.0])
    neighbours = labels[[1, 0, 3, 2]]
    targets = fraction[:, None] * np.eye(3)[labels] + (1 - fraction)[:, None] * np.eye(3)[neighbours]
    of_example = fraction * weights[labels] + (1 - fraction) * weights[neighbours]
    each = [np.asarray(example_losses(loss, jnp.asarray(logits), jnp.asarray(targets))) for logits in (main, other)]
    expected = (of_example * (each[0] + 0.3 * each[1])).sum()
    objective = Objective(loss, auxiliary_weight=0.3, class_weights=jnp.asarray(weights))
    outputs = jnp.asarray(main), [jnp.asarray(other)]
    found = sums_of_outputs(outputs, jnp.asarray(labels), jnp.ones(4), objective, jnp.asarray(fraction))
    assert float(found.loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [Focal(), GeneralizedCrossEntropy()])
def test_class_weights_apply_to_any_loss(loss):
    logits, labels, weights = (
        jnp.asarray(RANDOM.normal(0, 2, (4, 3))),
        np.array([0, 1, 2, 2]),
        np.array([0.5, 2.0, 3.0]),
    )
    each = np.asarray(example_losses(loss, logits, jnp.eye(3)[labels]))
    found = sums_over_examples(logits, jnp.eye(3)[labels], jnp.ones(4), Objective(loss, class_weights=weights))
    assert float(found.loss) == pytest.approx((each * weights[labels]).sum(), rel=1e-5)


def test_training_step_uses_the_weighted_gradient(skewed):
    """Compares with a linear network's gradient in closed form, divided by the number of examples as in Keras."""
    weights = {"0": 0.2, "1": 4.0, "2": 1.0}
    recipe = tabular(
        imbalance=ClassWeights(weights), model__options={"hidden": []}, optimizer=SGD(momentum=0.0),
        schedule=ConstantRate(1.0), budget__steps=1, budget__batch_size=400, budget__evaluate_every=1.0,
        initialization=Initialization(kernel=Constant(0.0), bias=Constant(0.0)),
    )  # fmt: skip
    result = zoo.fit(recipe, dataset=skewed)
    x = (ROWS - ROWS.mean(0)) / ROWS.std(0)
    of_example = np.array([weights[str(label)] for label in LABELS])
    slope = of_example[:, None] * (np.full((400, 3), 1 / 3) - np.eye(3)[LABELS]) / 400
    params = result.variables["params"]["fc1"]
    np.testing.assert_allclose(params["bias"], -slope.sum(0), atol=1e-5)
    np.testing.assert_allclose(params["kernel"], -x.T @ slope, atol=1e-4)
    assert result.history[0]["loss"] == pytest.approx(of_example.mean() * np.log(3), rel=1e-5)


def test_evaluation_is_not_weighted(skewed):
    recipe = tabular(imbalance=ClassWeights())
    result = zoo.fit(recipe, dataset=skewed)
    logits = zoo.create_model("mlp", 3, hidden=(16,)).apply(
        result.variables, (ROWS - result.statistics.mean) / result.statistics.scale
    )
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(LABELS))
    assert result.metrics["loss"] == pytest.approx(float(losses.mean()), rel=1e-4)


def test_over_sampling_keeps_every_example(skewed):
    found = prepared(skewed, OverSampling())
    positions = epoch(found)
    np.testing.assert_array_equal(np.bincount(LABELS[positions]), [300, 300, 300])
    times = np.bincount(positions, minlength=400)
    assert times.min() == 1 and (times[:300] == 1).all()
    # 260 samples of 40 examples, with replacement: chi-square, false-alarm rate 1e-3; the seed is fixed.
    assert 1e-3 / 2 < scipy.stats.chisquare(times[300:340] - 1).pvalue < 1 - 1e-3 / 2
    assert found.train_pipeline.epoch == 900 and len(found.eval_pipeline.split) == 400


def test_under_sampling_repeats_no_example(skewed):
    positions = epoch(prepared(skewed, UnderSampling()))
    np.testing.assert_array_equal(np.bincount(LABELS[positions]), [40, 40, 40])
    assert len(set(positions)) == 120
    # The first and the second half of class 0 are equally frequent, within four standard deviations (hypergeometric).
    assert abs((positions[positions < 300] < 150).sum() - 20) < 4 * np.sqrt(40 * 0.25)


def test_epoch_length_after_resampling(skewed):
    for imbalance, steps in ((None, 80), (OverSampling(), 180), (UnderSampling(), 24), (SMOTE(), 180)):
        budget = Budget(batch_size=10, epochs=2)
        assert prepared(skewed, imbalance, budget=budget).total_steps == steps


def test_resampling_images(dataset, recipe):
    skewed = recipe.override({"data.keep": {"Shirt": 0.1, "Bag": 0.5}, "imbalance": OverSampling()})
    whole = np.bincount(dataset.train.labels)
    experiment = prepare(skewed, dataset)
    kept = np.bincount(experiment.dataset.train.labels)
    expected = whole.copy()
    expected[6], expected[8] = round(whole[6] * 0.1), round(whole[8] * 0.5)
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(np.bincount(experiment.dataset.train.labels[epoch(experiment)]), [whole.max()] * 10)
    np.testing.assert_array_equal(experiment.dataset.eval.images, dataset.eval.images)
    with pytest.raises(ZooError, match="unknown class in data.keep 'shirt': did you mean 'Shirt'"):
        prepare(recipe.override({"data.keep": {"shirt": 0.1}}), dataset)
    with pytest.raises(ZooError, match="Data.keep must be fractions in"):
        Data("fashion_mnist", keep={"Shirt": 0.0})


def test_resampling_files(recipe, image_folder):
    changed = recipe.override({"data.keep": {"red": 0.25}, "data.validation": 0.25, "imbalance": OverSampling()})
    experiment = prepare(changed, zoo.open_source(f"folder:{image_folder}"))
    labels = experiment.train_pipeline.split.labels
    np.testing.assert_array_equal(np.bincount(labels), [12, 12, 3])
    np.testing.assert_array_equal(np.bincount(experiment.validation_pipeline.split.labels), [4, 4, 1])
    np.testing.assert_array_equal(np.bincount(labels[epoch(experiment)]), [12, 12, 12])


def neighbors_of(rows, count):
    """Returns the nearest other rows of each row, by brute force."""
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :count]


def test_smote_examples_lie_between_neighbours(skewed):
    pipeline = prepared(skewed, SMOTE(neighbors=3)).train_pipeline
    rows, labels = vectors(pipeline.split).astype(np.float64), pipeline.split.labels
    np.testing.assert_array_equal(rows[:400], ROWS)
    np.testing.assert_array_equal(np.bincount(labels), [300, 300, 300])
    scale = ROWS.std(0)  # unscaled, the first feature alone would determine the neighbours
    positions = []
    for label in (1, 2):
        own, made = ROWS[label == LABELS] / scale, rows[400:][labels[400:] == label] / scale
        pairs = [(x, y) for x, near in enumerate(neighbors_of(own, 3)) for y in near]
        starts, ends = own[[x for x, _ in pairs]], own[[y for _, y in pairs]]
        for point in made:
            along = ((point - starts) * (ends - starts)).sum(1) / ((ends - starts) ** 2).sum(1)
            off = np.linalg.norm(point - starts - np.clip(along, 0, 1)[:, None] * (ends - starts), axis=1)
            assert off.min() < 1e-4
            positions.append(along[off.argmin()])
    # u and 1 - u are indistinguishable, so they are folded; uniform, false-alarm rate 1e-3.
    assert scipy.stats.kstest(np.minimum(positions, 1 - np.array(positions)) * 2, "uniform").pvalue > 1e-3


def test_smote_distribution_matches_imbalanced_learn():
    over_sampling = pytest.importorskip("imblearn.over_sampling")
    random = np.random.default_rng(5)
    rows, labels = random.normal(0, 1, (2000, 2)), np.array([0] * 1900 + [1] * 100)
    rows[1900:] = rows[1900:] ** 2 + [2, 0]
    rows = ((rows - rows.mean(0)) / rows.std(0)).astype(np.float32)
    pipeline = prepared(features_dataset(rows, labels), SMOTE()).train_pipeline
    theirs, _ = over_sampling.SMOTE(k_neighbors=5, random_state=0).fit_resample(rows, labels)
    ours = vectors(pipeline.split)
    assert ours.shape == theirs.shape == (3800, 2)
    # Kolmogorov-Smirnov for both features and their product; conservative, as both samples include the originals.
    for measure in (lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 0] * x[:, 1]):
        assert scipy.stats.ks_2samp(measure(ours[2000:]), measure(theirs[2000:])).pvalue > 1e-3 / 3


def test_interpolation_samples_examples_neighbours_and_positions_uniformly():
    random = np.random.default_rng(0)
    made = interpolated(np.array([[0.0], [10.0], [30.0]]), np.array([[1, 2], [2, 0], [0, 1]]), 60_000, random)[:, 0]
    # Each ordered pair has probability 1/6: 2/6 lie in 0-10, 2/6 in 10-30, 2/6 in 0-30. False-alarm rate 1e-3.
    expected = np.array([1 / 3 + 1 / 9, 1 / 6 + 1 / 9, 1 / 6 + 1 / 9]) * 60_000
    assert scipy.stats.chisquare(np.histogram(made, [0, 10, 20, 30])[0], expected).pvalue > 1e-3


def test_smote_uses_imputed_and_winsorized_values():
    rows = ROWS.copy()
    rows[310, 0], rows[320, 1] = np.nan, 1e7
    recipe = {"data__missing": ImputeMean(), "data__outliers": Winsorize(0.01, 0.99)}
    pipeline = prepared(features_dataset(rows, LABELS, classes=3), SMOTE(), **recipe).train_pipeline
    made = vectors(pipeline.split)[400:]
    assert np.isfinite(made).all() and made[:, 1].max() <= np.quantile(rows[:, 1], 0.99) * (1 + 1e-6)


def test_smote_requires_neighbours_and_features(skewed, dataset):
    few = features_dataset(ROWS[295:305], LABELS[295:305])
    with pytest.raises(ZooError, match="SMOTE: class 1 has 5 training examples, too few for 5 neighbours"):
        prepared(features_dataset(ROWS[290:305], LABELS[290:305]), SMOTE(neighbors=5))
    assert prepared(few, SMOTE(neighbors=4)).train_pipeline.epoch == 10
    with pytest.raises(ZooError, match="tiny has images"):
        prepare(tabular(imbalance=SMOTE()), dataset)


def test_evaluation_has_no_synthetic_examples(skewed):
    half = dataclasses.replace(skewed, eval=features_dataset(ROWS[::2], LABELS[::2], classes=3).train)
    result = zoo.fit(tabular(imbalance=SMOTE(), data__validation=0.2), dataset=half)
    assert [r["examples"] for r in result.history if r["kind"] != "train"] == [80, 200]


@pytest.mark.slow
def test_remedies_improve_the_rare_class():
    pytest.importorskip("sklearn")
    plain = tabular("synthetic:imbalanced", budget__steps=400, budget__batch_size=64, schedule__peak=0.01)
    found = {type(remedy).__name__: zoo.fit(plain.override({"imbalance": remedy})).metrics["balanced_accuracy"]
             for remedy in (None, ClassWeights(), OverSampling(), SMOTE())}  # fmt: skip
    assert all(found[name] > found["NoneType"] + 0.1 for name in ("ClassWeights", "OverSampling", "SMOTE")), found


def test_resampling_is_deterministic(skewed):
    again = [np.asarray(vectors(prepared(skewed, SMOTE()).train_pipeline.split)) for _ in range(2)]
    np.testing.assert_array_equal(*again)
