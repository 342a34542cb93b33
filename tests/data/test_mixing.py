"""Tests of mixup and CutMix against their definitions, and of augmentation on different numbers of devices."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from pictures import ALPHA, noise
from programs import ROOT, run_python

import zoo
from verification.traces.transforms import mixes
from zoo.data import augment
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.training.step.objective import Objective, sums_over_examples


def batch(count=8, height=12, width=16):
    images = np.stack([noise(height, width, 3) * (number + 1) % 251 for number in range(count)])
    return jnp.asarray(images, jnp.float32), jax.random.split(jax.random.key(1), count)


def mixed(mixing, weight=None):
    images, keys = batch()
    weight = jnp.ones(8) if weight is None else weight
    return np.asarray(images), *map(np.asarray, augment.mix(mixing, images, weight, keys))


def test_mixup_is_a_convex_combination_with_the_neighbour():
    images, result, fraction = mixed(Mixup(1.0))
    assert len(set(fraction.round(5))) == 8  # a different one for each example
    for place in range(8):
        expected = fraction[place] * images[place] + (1 - fraction[place]) * images[place ^ 1]
        np.testing.assert_allclose(result[place], expected, rtol=1e-5, atol=1e-3)


def test_cutmix_pastes_a_rectangle_and_weights_labels_by_area():
    images, result, fraction = mixed(CutMix(1.0))
    assert (fraction < 1).sum() >= 5
    for place in range(8):
        own, other = (result[place] == images[place]).all(-1), (result[place] == images[place ^ 1]).all(-1)
        assert (own | other).all()
        rows, columns = np.nonzero(~own)
        assert fraction[place] == pytest.approx(1 - len(rows) / own.size, abs=0.02)  # a few pixels are the same in both
        if len(rows):
            assert other[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()


BOTH = OneOf((Mixup(0.2), CutMix(1.0)))
UNEVEN = OneOf((Mixup(0.8, 0.3), CutMix(1.0), Mixup(0.2, 0.5)))


def test_one_of_is_sampled_per_example():
    count = 400
    images = jnp.broadcast_to(jnp.arange(count)[:, None, None, None] % 2, (count, 6, 8, 1)).astype(jnp.float32)
    keys = jax.random.split(jax.random.key(3), count)
    result, fraction = map(
        np.asarray, augment.mix(OneOf((Mixup(1.0), CutMix(1.0, 0.0))), images, jnp.ones(count), keys)
    )
    blended = np.logical_and(result > 0, result < 1).all((1, 2, 3))  # the other mixing has probability 0
    assert scipy.stats.binomtest(int(blended.sum()), count, 0.5).pvalue > ALPHA
    np.testing.assert_array_equal(fraction[~blended], 1)
    np.testing.assert_array_equal(result[~blended], np.asarray(images)[~blended])
    with pytest.raises(ZooError, match="OneOf.mixings must be two or more"):
        OneOf((Mixup(1.0),))


@pytest.mark.parametrize("mixing", [Mixup(0.2), Mixup(1.0, 0.3), CutMix(1.0), CutMix(0.5, 0.7), BOTH, UNEVEN], ids=str)
def test_distributions(mixing):
    """Compares with NumPy's Beta and the official rectangle; false-alarm rate of 1 in 1000 keys; the key is fixed."""
    passed, found = mixes(mixing)
    assert passed, found


@pytest.mark.parametrize(
    ("claimed", "done"),
    [
        (Mixup(0.2), Mixup(0.4)),
        (CutMix(1.0), CutMix(0.5)),
        (CutMix(1.0), Mixup(1.0)),
        (Mixup(1.0), Mixup(1.0, 0.9)),
        (BOTH, CutMix(1.0)),
        (BOTH, Mixup(0.2)),
    ],
    ids=str,
)
def test_check_of_mixing_rejects_other_mixings(claimed, done, monkeypatch):
    mix = augment.mix
    monkeypatch.setattr(augment, "mix", lambda mixing, *arguments: mix(done, *arguments))
    passed, found = mixes(claimed)
    assert not passed, found


def test_check_of_mixing_rejects_unmixed_labels(monkeypatch):
    monkeypatch.setattr(augment, "soft_targets", lambda labels, fraction, classes: jax.nn.one_hot(labels, classes))
    assert not mixes(Mixup(1.0))[0]


def test_soft_targets_weight_both_labels():
    fraction = jnp.array([0.7, 0.6, 1.0, 0.25])
    targets = augment.soft_targets(jnp.array([0, 2, 1, 1]), fraction, 3)
    np.testing.assert_allclose(targets, [[0.7, 0, 0.3], [0.4, 0, 0.6], [0, 1, 0], [0, 1, 0]], rtol=1e-6)
    hard = augment.soft_targets(jnp.array([0, 2]), None, 3)
    np.testing.assert_array_equal(hard, [[1, 0, 0], [0, 0, 1]])


def test_example_with_a_neighbour_of_weight_0_is_not_mixed():
    weight = jnp.array([1, 0, 1, 1, 0, 1, 0, 0.0])
    images, result, fraction = mixed(Mixup(1.0), weight)
    for place in (0, 5):
        np.testing.assert_array_equal(result[place], images[place])
        assert fraction[place] == 1
    assert (fraction[[2, 3]] < 1).all()


def test_examples_are_mixed_with_the_given_probability():
    count = 600
    images, keys = jnp.zeros((count, 1, 1, 1)), jax.random.split(jax.random.key(2), count)
    _, fraction = augment.mix(Mixup(1.0, 0.4), images, jnp.ones(count), keys)
    assert scipy.stats.binomtest(int((fraction < 1).sum()), count, 0.4).pvalue > ALPHA


def test_loss_and_accuracy_of_soft_targets():
    """Checks the cross-entropy formula; the class with the larger weight counts as correct; weight 0 is ignored."""
    logits = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    targets = np.array([[0.7, 0.3, 0], [0.4, 0, 0.6], [0, 1, 0], [0.5, 0.5, 0]], np.float32)
    weight = np.array([1, 1, 0, 1], np.float32)
    sums = sums_over_examples(jnp.asarray(logits), jnp.asarray(targets), jnp.asarray(weight))
    log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    np.testing.assert_allclose(sums.loss, -(targets * log_probabilities).sum(1) @ weight, rtol=1e-5)
    dominant = np.array([0, 2, 1, 0])
    correct = (logits.argmax(1) == dominant) * weight
    np.testing.assert_array_equal(sums.correct, [correct[dominant == k].sum() for k in range(3)])
    np.testing.assert_array_equal(sums.count, [2, 0, 1])
    smoothed = sums_over_examples(
        jnp.asarray(logits), jnp.asarray(targets), jnp.asarray(weight), Objective(label_smoothing=0.3)
    )
    expected = optax.softmax_cross_entropy(logits, 0.7 * targets + 0.1) @ weight
    np.testing.assert_allclose(smoothed.loss, expected, rtol=1e-5)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_views_are_averaged(average):
    logits = np.random.default_rng(0).standard_normal((4, 10, 5)).astype(np.float32)
    found = np.asarray(augment.average_views(TenCrop(3, average), jnp.asarray(logits)))
    if average == "logits":
        np.testing.assert_allclose(found, logits.mean(1), rtol=1e-5, atol=1e-6)
    else:
        expected = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).mean(1)
        np.testing.assert_allclose(np.exp(found), expected, rtol=1e-5)


def test_invalid_recipes_with_mixing(recipe):
    assert Mixup(0.2) != Mixup(0.4) and recipe.override({"augmentation.mixing": Mixup(0.2)}) != recipe
    assert Recipe.from_json(mixing_recipe(recipe).to_json()) == mixing_recipe(recipe)
    with pytest.raises(
        ZooError, match=r"Mixup mixes pairs of examples within each accumulated part of a batch: budget"
    ):
        recipe.override({"augmentation.mixing": Mixup(0.2), "budget.batch_size": 15})
    with pytest.raises(ZooError, match="divisible by 2 \\* accumulation"):
        recipe.override({"augmentation.mixing": Mixup(0.2), "budget.batch_size": 6, "budget.accumulation": 6})
    for build in (lambda: Mixup(0.0), lambda: CutMix(-1.0)):
        with pytest.raises(ZooError, match="alpha must be positive"):
            build()


def mixing_recipe(recipe):
    return recipe.override({"augmentation.mixing": CutMix(1.0, 0.5)})


def test_fingerprints_of_recipes_without_mixing_are_unchanged():
    assert zoo.load_recipe("alexnet").fingerprint == "8e1b81d0eeac"
    assert zoo.load_recipe("alexnet_imagenet").fingerprint == "af6ba8a1a9fd"


CHILD = f"""
import sys
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests" / "data")!r}, {str(ROOT)!r}]
import test_mixing
test_mixing.print_differences()
"""


def print_differences():
    """Prints how inputs and losses depend on devices and accumulation, and an error; runs in a child with 8 devices."""
    from examples import tiny_dataset

    from zoo import parallel
    from zoo.data.pipeline import training_batches
    from zoo.training.prepare import prepare
    from zoo.training.step.inputs import mixed_inputs, step_keys

    every = (
        Resize(32),
        RandomRotation(20),
        RandomShift(0.2, 0.2),
        RandomShear(10),
        RandomZoom(0.2),
        VerticalFlip(),
        Brightness(0.3),
        Contrast(0.3),
        Saturation(0.3),
        Hue(0.1),
        RandAugment(),
        TrivialAugmentWide(),
        RandomErasing(),
        Normalize(),
        Cutout(9),
    )
    fast = (Resize(32), RandomRotation(20), Hue(0.1), RandomErasing(), Normalize())  # compiles in seconds
    mixing = OneOf((Mixup(0.3), CutMix(1.0)))
    changes = {
        "normalization": ChannelMeanStd(),
        "augmentation": Augmentation(fast, (Resize(36), Normalize(), TenCrop(32)), mixing),
        "budget.batch_size": 32,
        "budget.steps": 3,
        "budget.evaluate_every": 0.25,
        "target": None,
    }
    recipe = zoo.load_recipe("lenet5").override(changes)

    def inputs(devices):
        mesh = parallel.make_mesh(jax.devices()[:devices])
        experiment = prepare(recipe.override({"augmentation.train": every}), tiny_dataset(), mesh=mesh)
        pipeline = experiment.train_pipeline
        batch = next(training_batches(pipeline, 32, seed=0))
        key, _ = step_keys(experiment.initial_state(0))

        def body(nothing, constants, batch):
            images, labels, fraction = mixed_inputs(
                pipeline.transforms, recipe.augmentation.mixing, constants, batch, key
            )
            both = jnp.concatenate([images.reshape(len(labels), -1), augment.soft_targets(labels, fraction, 10)], 1)
            return parallel.sum_over_devices(jnp.zeros((32, both.shape[1])).at[batch.position].set(both))

        step = parallel.data_parallel(body, mesh, donate=False)
        return np.asarray(step(None, experiment.constants(pipeline), parallel.shard_batch(batch, mesh)))

    print("inputs", np.abs(inputs(1) - inputs(8)).max())

    def losses(devices, strategy="shard_map", accumulation=1):
        changed = recipe.override({"budget.accumulation": accumulation})
        used = jax.devices()[:devices]
        result = zoo.fit(changed, dataset=tiny_dataset(), devices=used, strategy=strategy)
        return np.array([record["loss"] for record in result.history])

    one = losses(1)
    for arguments in ((2, "pmap"), (2, "shard_map", 4)):
        print("losses", np.abs(losses(*arguments) - one).max())
    try:
        zoo.fit(recipe.override({"budget.batch_size": 24}), dataset=tiny_dataset())
    except ZooError as error:
        print("error", error)


@pytest.mark.slow
def test_augmentation_does_not_depend_on_the_number_of_devices():
    """Covers pmap and gradient accumulation; the losses are those of training and of evaluation with ten crops."""
    # Compiled with optimizations, as for users: without them, rounding depends on the number of images, and a pixel at
    # the edge between two levels may change in one of these policies.
    optimized = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    child = run_python("-c", CHILD, devices=8, timeout=600, **optimized)
    assert child.returncode == 0, child.stderr
    lines = [line.split(maxsplit=1) for line in child.stdout.splitlines()]
    inputs = [float(value) for kind, value in lines if kind == "inputs"]
    losses = [float(value) for kind, value in lines if kind == "losses"]
    assert len(inputs) == 1 and max(inputs) < 1e-4, child.stdout
    assert len(losses) == 2 and max(losses) < 1e-4, child.stdout
    assert (
        "cannot mix a batch of 24 in pairs on 8 devices in 1 parts: budget.batch_size must be a multiple of 16"
        in child.stdout
    )
