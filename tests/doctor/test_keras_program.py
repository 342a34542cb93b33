"""Programs made from a compiled model of Keras and its data."""

import os
import subprocess
import sys
from pathlib import Path

import documents
import numpy as np
import pytest
from keras_examples import CLASSES, CROSS_ENTROPY, IMAGES, LABELS, keras, layers, network, program, same, trace

from zoo.doctor.adapters.keras_program import from_keras
from zoo.doctor.program import Program, can, class_of
from zoo.errors import ZooError


def test_is_a_program():
    made = program(classes=CLASSES, epochs=5, name="mine")
    assert isinstance(made, Program)
    assert made.name == "mine" and made.classes == CLASSES and made.total_steps == 20
    images, labels = next(made.train_batches())
    assert images.shape == (16, 6, 8, 2) and labels.shape == (16,)
    assert sum(len(each) for each, _ in made.eval_batches()) == 64
    images, labels, names = made.examples("train", 4)
    assert names == ["train[0]", "train[21]", "train[42]", "train[63]"]
    np.testing.assert_array_equal(images, IMAGES[[0, 21, 42, 63]])


def test_steps_are_those_of_the_users_own_loop():
    model = network(layers.Dropout(0.2))
    made = program(model)
    state, losses = made.init(0), []
    for start in (0, 16, 32, 48, 0):
        state, loss = made.step(state, IMAGES[start : start + 16], LABELS[start : start + 16])
        losses.append(loss)
    expected = []
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(0)
    for start in (0, 16, 32, 48, 0):
        expected.append(float(model.train_on_batch(IMAGES[start : start + 16], LABELS[start : start + 16])[0]))
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(made.predict(state, IMAGES), model.predict_on_batch(IMAGES), rtol=1e-5, atol=1e-6)


def test_leaves_no_trace():
    model = network(layers.Dropout(0.5))
    model.train_on_batch(IMAGES[:8], LABELS[:8])
    before = trace(model)
    made = program(model)
    state = made.init(3)
    for images, labels in made.train_batches():
        state, _ = made.step(state, images, labels)
    made.predict(state, images)
    made.parameters(state)
    made.gradients(state, images, labels)
    made.activations(state, images)
    made.inputs(images, train=True, seed=0)
    made.loss(np.zeros((16, CLASSES)), labels)
    changed = made.variant(
        loss="cross_entropy",
        optimizer="adam",
        regularization=False,
        initialization="he",
        standardize=True,
        shuffle=True,
    )
    changed.step(changed.init(0), images, labels)
    assert same(before, trace(model))


def test_states_are_never_changed():
    made = program()
    start = made.init(0)
    parameters = {name: np.array(value) for name, value in made.parameters(start).items()}
    middle, first = made.step(start, IMAGES[:16], LABELS[:16])
    made.step(middle, IMAGES[:16], LABELS[:16])
    made.activations(middle, IMAGES[:16])
    assert made.step(start, IMAGES[:16], LABELS[:16])[1] == first
    assert made.step(middle, IMAGES[:16], LABELS[:16])[1] != first
    assert all(np.array_equal(value, made.parameters(start)[name]) for name, value in parameters.items())


def test_gradients_are_those_of_finite_differences():
    frozen = layers.Dense(CLASSES, trainable=False)
    made = program(network(frozen))
    start = made.init(0)
    found = made.gradients(start, IMAGES[:16], LABELS[:16])
    assert list(found) == list(made.parameters(start))
    assert [name.split("/")[-1] for name in found] == ["kernel", "bias", "gamma", "beta"] + ["kernel", "bias"] * 2
    assert not found[list(found)[-1]].any()
    rate = 1e-3  # of gradient descent, whose first step is along the gradient
    plain = program(network(frozen, optimizer=keras.optimizers.SGD(rate)))
    after = plain.step(plain.init(0), IMAGES[:16], LABELS[:16])[0]
    pairs = [list(plain.parameters(state).values()) for state in (plain.init(0), after)]
    for before, moved, gradient in zip(*pairs, found.values(), strict=True):
        np.testing.assert_allclose((before - moved) / rate, gradient, rtol=1e-2, atol=1e-3)
    losses = [plain.step(state, IMAGES[:16], LABELS[:16])[1] for state in (plain.init(0), after)]
    expected = rate * sum(np.square(value).sum() for value in found.values())
    assert losses[0] - losses[1] == pytest.approx(expected, rel=0.05)


def test_activations_are_in_the_order_of_computation():
    inputs = keras.Input((6, 8, 2))
    nested = keras.Sequential([layers.Conv2D(3, 3, name="inner"), layers.ReLU(name="bend")], name="block")
    values = nested(inputs)
    shared = layers.Dense(5, name="shared")
    values = layers.GlobalAveragePooling2D(name="pool")(layers.Add(name="add")([shared(values), shared(values)]))
    model = keras.Model(inputs, layers.Dense(CLASSES, name="head")(values))
    model.compile("sgd", CROSS_ENTROPY)
    made = program(model)
    found = made.activations(made.init(0), IMAGES[:4])
    assert list(found) == ["block/inner", "block/bend", "shared", "shared:2", "add", "pool", "head"]
    assert found["block/bend"].shape == (4, 4, 6, 3) and (found["block/bend"] >= 0).all()
    np.testing.assert_allclose(found["head"], made.predict(made.init(0), IMAGES[:4]), rtol=1e-4, atol=1e-5)


def test_inputs_are_those_of_the_first_layer_with_weights():
    normalization = layers.Normalization()
    normalization.adapt(100 * IMAGES)
    model = keras.Sequential([keras.Input((6, 8, 2)), layers.GaussianNoise(0.1), normalization, *network().layers])
    model.compile("sgd", CROSS_ENTROPY)
    made = program(model)
    seen = made.inputs(100 * IMAGES, train=False, seed=0)
    assert seen.shape == IMAGES.shape and seen.std() == pytest.approx(1, rel=0.01)
    one, two, again = (made.inputs(IMAGES, train=True, seed=seed) for seed in (0, 1, 0))
    assert not np.array_equal(one, two) and np.array_equal(one, again)


def test_variants_of_the_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True)
    for rate, expected in ((0.1, [0.1, 0.1, 0.1]), (schedule, [0.1, 0.1, 0.05])):
        made = program(network(optimizer=keras.optimizers.SGD(rate)))
        assert [made.learning_rate(step) for step in range(3)] == pytest.approx(expected)
        start = made.init(0)
        moves = []
        for each in (made, made.variant(rate=0.5), made.variant(rate=2.0).variant(rate=0.25)):
            after = each.step(each.init(0), IMAGES[:16], LABELS[:16])[0]
            name = list(each.parameters(after))[-2]
            moves.append(each.parameters(after)[name] - made.parameters(start)[name])
        np.testing.assert_allclose(moves[1], moves[0] / 2, rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(moves[1], moves[2])
        held = made.variant(schedule="constant", rate=0.5)
        assert [held.learning_rate(step) for step in (0, 1000)] == pytest.approx([0.05, 0.05])


def test_schedules_are_followed():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.1, 0.02, 0.001])
    model = network(optimizer=keras.optimizers.SGD(schedule))
    made, state = program(model), program(model).init(0)
    for _ in range(6):
        state, _ = made.step(state, IMAGES[:16], LABELS[:16])
        model.train_on_batch(IMAGES[:16], LABELS[:16])
    expected = keras.ops.convert_to_numpy(model.trainable_variables[0])
    np.testing.assert_allclose(next(iter(made.parameters(state).values())), expected, rtol=1e-5, atol=1e-6)


def test_order_of_batches():
    made = program(epochs=10)
    first, second = (np.concatenate([labels for _, labels in made.train_batches()]) for _ in range(2))
    assert not np.array_equal(first, second) and sorted(first) == sorted(LABELS)
    batches = [(IMAGES[start : start + 16], LABELS[start : start + 16]) for start in range(0, 64, 16)]
    kept = program(train=batches)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in kept.train_batches()]), LABELS)
    assert not can(kept, "examples") and not can(kept, "total_steps")
    assert not np.array_equal(np.concatenate([y for _, y in kept.variant(shuffle=True).train_batches()]), LABELS)
    smaller = made.variant(batch_size=8)
    assert [len(each) for each, _ in smaller.train_batches()] == [8] * 8 and smaller.total_steps == 80


class Reordering(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.order = np.arange(64)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        chosen = self.order[16 * index : 16 * index + 16]
        return IMAGES[chosen], LABELS[chosen]

    def on_epoch_end(self):
        np.random.shuffle(self.order)


def test_other_kinds_of_data():
    dataset = Reordering()
    made = program(train=dataset, evaluation=dataset, epochs=2)
    first, second = ([labels for _, labels in made.train_batches()] for _ in range(2))
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == sorted(LABELS)
    assert not same(first, second) and made.total_steps == 8
    np.testing.assert_array_equal(dataset.order, np.arange(64))
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(LABELS))
    made = program(train=torch.utils.data.DataLoader(pairs, 16, shuffle=True))
    images, labels = next(made.train_batches())
    assert images.shape == (16, 6, 8, 2) and np.isfinite(made.step(made.init(0), images, labels)[1])


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.flat, self.head = layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(CLASSES)

    def call(self, x, training=False):
        return keras.ops.softmax(self.head(self.flat(self.hidden(x))))


class NotCopied(Own):
    def get_config(self):
        raise NotImplementedError


@pytest.mark.parametrize("kind", [Own, NotCopied])
def test_models_with_code_of_their_own(kind):
    model = kind()
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(IMAGES[:16], LABELS[:16])
    before = trace(model)
    made = program(model)
    assert can(made, "gradients") == (kind is Own)
    state, losses = made.init(0), []
    for _ in range(3):
        state, loss = made.step(state, IMAGES[:16], LABELS[:16])
        losses.append(loss)
        made.predict(state, IMAGES)
    assert len(made.activations(state, IMAGES[:16])) == 3
    assert losses[-1] < losses[0] and same(before, trace(model))
    if kind is NotCopied:
        with pytest.raises(KeyError, match="optimizer"):
            made.variant(optimizer="adam")
    else:
        changed = made.variant(loss="cross_entropy", optimizer="adam")
        assert changed.step(changed.init(0), IMAGES[:16], LABELS[:16])[1] == pytest.approx(losses[0], rel=1e-4)
    for name, value in made.parameters(made.init(0)).items():
        moves = [
            each.parameters(each.step(each.init(0), IMAGES[:16], LABELS[:16])[0])[name] - value
            for each in (made, made.variant(rate=0.5))
        ]
        np.testing.assert_allclose(moves[1], moves[0] / 2, rtol=1e-2, atol=1e-6)
    assert same(before, trace(model))
    expected = [float(model.train_on_batch(IMAGES[:16], LABELS[:16])[0]) for _ in range(3)]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_losses_of_ones_own():
    def own_loss(labels, outputs):
        return keras.ops.mean(keras.ops.square(outputs), -1)

    model = network(loss=own_loss)
    made = program(model)
    assert made.step(made.init(0), IMAGES[:16], LABELS[:16])[1] == pytest.approx(
        float(model.train_on_batch(IMAGES[:16], LABELS[:16])[0]), rel=1e-5
    )


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (iter([(IMAGES, LABELS)]), "iterator"),
        ([(IMAGES, LABELS, LABELS)], "3 items"),
        ([{"x": IMAGES, "y": LABELS}], "dict"),
        ((IMAGES, LABELS[:5]), "5 labels"),
        ({"x": IMAGES}, "no batches"),
        ([], "empty"),
    ],
)
def test_data_of_another_kind(train, words):
    with pytest.raises(ZooError, match=words):
        from_keras(network(), train, (IMAGES, LABELS))


def test_models_that_cannot_be_used():
    with pytest.raises(ZooError, match="not compiled"):
        program(keras.Sequential([keras.Input((6, 8, 2)), layers.Flatten(), layers.Dense(CLASSES)]))
    with pytest.raises(ZooError, match=r"keras\.Model"):
        program(object())
    made = program()
    with pytest.raises(ZooError) as error:
        made.step(made.init(0), IMAGES[:16, :2], LABELS[:16])
    assert "\n" not in str(error.value)
    assert np.isfinite(made.step(made.init(0), IMAGES[:16], LABELS[:16])[1])
    for change in ({"augmentation": False}, {"standardize": 5}):
        with pytest.raises(KeyError, match=next(iter(change))):
            made.variant(**change)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_the_documents_about_keras(number):
    made = documents.document(number, examples=96)
    images, labels = next(made.train_batches())
    assert images.shape[1:] == ((28, 28, 1) if number in (0, 2) else (4,)) and abs(images.mean()) < 0.5
    assert np.isfinite(made.step(made.init(0), images, labels)[1])
    for fault in documents.FAULTS if number in (0, 2) else documents.FEATURE_FAULTS:
        broken = documents.document(number, fault, examples=96)
        images, labels = next(broken.train_batches())
        match fault:
            case "inputs_unscaled":
                assert images.max() > 200
            case "unshuffled":
                assert (np.diff(class_of(labels)) >= 0).all()
            case "frozen_parameters":
                gradients = broken.gradients(broken.init(0), images, labels)
                assert [name.split("/")[-1] for name, value in gradients.items() if value.any()] == ["kernel", "bias"]
            case "learning_rate_high" | "learning_rate_low":
                factor = documents.RATE_FACTORS[fault]
                assert broken.learning_rate(0) == pytest.approx(made.learning_rate(0) * factor)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the other backend is tested from this one")
def test_with_the_torch_backend():
    pytest.importorskip("torch")
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    files = [__file__, str(Path(__file__).with_name("test_keras_variants.py"))]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
