"""Variants of programs of Keras: each changes one thing, and neither the program nor the user's objects."""

import numpy as np
import pytest
from keras_examples import (
    CLASSES,
    CROSS_ENTROPY,
    IMAGES,
    LABELS,
    RANDOM,
    cross_entropy,
    keras,
    layers,
    network,
    program,
)

from zoo.doctor.adapters.keras_program import from_keras


def test_variant_of_the_optimizer():
    made = program(network(optimizer=keras.optimizers.SGD(1e-9))).variant(optimizer="adam", rate=2.0)
    assert made.learning_rate(7) == pytest.approx(0.002)
    after = made.step(made.init(0), IMAGES[:16], LABELS[:16])[0]
    name = list(made.parameters(after))[-2]
    moved = np.abs(made.parameters(after)[name] - made.parameters(made.init(0))[name])
    assert moved.max() == pytest.approx(0.002, rel=0.01)


@pytest.mark.parametrize("kind", ["activation", "layer", "relu", "none", "function"])
def test_variant_of_the_loss_removes_an_activation(kind):
    more = {"layer": [layers.Softmax()], "function": [layers.Lambda(lambda x: keras.ops.softmax(x))]}.get(kind, [])
    head = {"activation": "softmax", "relu": "relu"}.get(kind)
    made = program(network(*more, loss="mse", head=head), (IMAGES, np.eye(CLASSES)[LABELS]))
    plain = program(network())
    logits = plain.predict(plain.init(0), IMAGES)
    changed = made.variant(loss="cross_entropy")
    for each in (changed, changed.variant(loss="cross_entropy")):
        outputs = each.predict(each.init(0), IMAGES)
        if kind != "function":
            np.testing.assert_allclose(outputs, logits, rtol=1e-4, atol=1e-5)
        assert each.loss(outputs, LABELS) == pytest.approx(cross_entropy(logits, LABELS), rel=1e-4)
        assert each.loss(outputs, np.eye(CLASSES)[LABELS]) == pytest.approx(cross_entropy(logits, LABELS), rel=1e-4)
    own, _ = plain.step(plain.init(0), IMAGES[:16], LABELS[:16])
    assert plain.step(own, IMAGES[:16], LABELS[:16])[1] == pytest.approx(
        changed.step(changed.step(changed.init(0), IMAGES[:16], LABELS[:16])[0], IMAGES[:16], LABELS[:16])[1], rel=1e-3
    )


def test_single_outputs():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    features, labels = RANDOM.random((32, 4)), np.arange(32) % 2
    made = from_keras(model, (features, labels), (features, labels))
    outputs = made.predict(made.init(0), features)
    expected = -np.mean(np.log(np.where(labels[:, None] == 1, outputs, 1 - outputs)))
    assert made.loss(outputs, labels) == pytest.approx(expected, rel=1e-4)
    changed = made.variant(loss="cross_entropy")
    assert changed.step(changed.init(0), features, labels)[1] == pytest.approx(expected, rel=1e-4)


def test_variant_that_standardizes():
    made = program(train=(100 * IMAGES + 50, LABELS)).variant(standardize=True)
    images = np.concatenate([each for each, _ in made.train_batches()])
    assert images.std() > 50
    seen = made.inputs(images, train=True, seed=0)
    np.testing.assert_allclose(seen.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std((0, 1, 2)), 1, rtol=1e-5)


def test_variant_without_regularization():
    strong = layers.Dense(CLASSES, kernel_regularizer="l2")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.5)
    rows = np.eye(CLASSES, dtype=np.float32)[LABELS]
    model = network(strong, layers.Dropout(0.5), loss=loss, optimizer=keras.optimizers.SGD(0.1, weight_decay=0.1))
    made = program(model, (IMAGES, rows))
    changed = made.variant(regularization=False)
    one, two = (changed.step(changed.init(seed), IMAGES[:16], rows[:16]) for seed in (0, 1))
    assert one[1] == two[1] != made.step(made.init(0), IMAGES[:16], rows[:16])[1]
    gradients = changed.gradients(changed.init(0), IMAGES[:16], rows[:16])
    name = next(iter(gradients))
    moved = changed.parameters(one[0])[name] - changed.parameters(changed.init(0))[name]
    np.testing.assert_allclose(moved, -0.1 * gradients[name], atol=1e-5)
    twice = changed.variant(loss="cross_entropy")
    assert twice.loss(np.zeros((3, CLASSES)), rows[:3]) == pytest.approx(np.log(CLASSES))


def test_variant_of_the_initialization():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(400), layers.Dense(300, kernel_initializer="ones")])
    model.compile("sgd", CROSS_ENTROPY)
    data = RANDOM.random((8, 4)), np.zeros(8, int)
    made = from_keras(model, data, data).variant(initialization="he")
    found = list(made.parameters(made.init(0)).values())
    assert found[2].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02) and not found[3].any()
    assert np.isfinite(made.step(made.init(0), *data)[1])
