"""Variants of programs of PyTorch: each changes one thing, and neither the program nor the user's objects."""

import copy

import numpy as np
import pytest
from torch_examples import loaders, network, nn, program, sgd, torch


def test_variant_of_the_rate():
    made = program(optimizer=None)
    images, labels = next(made.train_batches())
    start = made.init(0)
    moves = []
    for each in (made, made.variant(rate=0.5), made.variant(rate=2.0).variant(rate=0.25)):
        after = each.parameters(each.step(each.init(0), images, labels)[0])
        moves.append(after["4.weight"] - made.parameters(start)["4.weight"])
    np.testing.assert_allclose(moves[1], moves[0] / 2, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(moves[1], moves[2])
    assert made.variant(rate=0.5).learning_rate(0) == pytest.approx(0.05)


def test_variant_of_the_optimizer():
    model = network()
    made = program(model, optimizer=sgd(model, lr=1e-9)).variant(optimizer="adam", rate=2.0)
    assert made.learning_rate(5) == pytest.approx(0.002)
    images, labels = next(made.train_batches())
    before = made.parameters(made.init(0))["4.weight"]
    after = made.parameters(made.step(made.init(0), images, labels)[0])["4.weight"]
    assert np.abs(after - before).max() == pytest.approx(0.002, rel=0.01)


class Functional(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.layers, self.function = network(), function

    def forward(self, x):
        return self.function(self.layers(x))


HEADS = {
    "module": lambda: network(nn.Softmax(1)),
    "inplace module": lambda: network(nn.ReLU(inplace=True)),
    "no head": network,
    "softmax function": lambda: Functional(lambda x: torch.softmax(x, 1)),
    "relu function": lambda: Functional(torch.relu),
    "unknown function": lambda: Functional(lambda x: torch.softmax(x.flip(0), 1).flip(0)),
}


@pytest.mark.parametrize("head", HEADS)
def test_variant_of_the_loss_removes_an_activation(head):
    torch.manual_seed(0)
    model = HEADS[head]()
    logits_of = copy.deepcopy(model.layers if isinstance(model, Functional) else model[:5])
    made = program(model, lambda outputs, labels: nn.functional.mse_loss(outputs, outputs * 0))
    images, labels = next(made.train_batches())
    tensors = torch.from_numpy(np.moveaxis(images, -1, 1).copy())
    changed = made.variant(loss="cross_entropy")
    _, loss = changed.step(changed.init(0), images, labels)
    expected = nn.functional.cross_entropy(logits_of.train()(tensors), torch.from_numpy(labels)).item()
    assert loss == pytest.approx(expected, rel=1e-5)
    twice = changed.variant(loss="cross_entropy")
    assert twice.step(twice.init(0), images, labels)[1] == pytest.approx(expected, rel=1e-5)
    if head != "unknown function":
        fresh = copy.deepcopy(model.layers if isinstance(model, Functional) else model[:5])
        outputs = changed.predict(changed.init(0), images)
        np.testing.assert_allclose(outputs, fresh.eval()(tensors).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_cross_entropy_takes_one_hot_labels_and_single_outputs():
    images = torch.randn(8, 4)
    classes = torch.arange(8) % 2
    rows = nn.functional.one_hot(classes).float()
    model = nn.Linear(4, 2)
    made = program(model, nn.MSELoss(), loading=([(images, rows)], [(images, rows)])).variant(loss="cross_entropy")
    expected = nn.functional.cross_entropy(model(images), classes).item()
    assert made.step(made.init(0), images.numpy(), rows.numpy())[1] == pytest.approx(expected)

    model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    column = classes.float()[:, None]
    made = program(model, nn.BCELoss(), loading=([(images, column)], [(images, column)]))
    expected = nn.functional.binary_cross_entropy(model(images), column).item()
    assert made.step(made.init(0), images.numpy(), column.numpy())[1] == pytest.approx(expected)
    changed = made.variant(loss="cross_entropy")
    assert changed.step(changed.init(0), images.numpy(), column.numpy())[1] == pytest.approx(expected, rel=1e-5)


def test_variant_that_standardizes():
    made = program(loading=loaders(scale=100.0))
    changed = made.variant(standardize=True)
    images, _ = next(changed.train_batches())
    assert images.std() > 50
    seen = changed.inputs(np.concatenate([each for each, _ in changed.train_batches()]), train=True, seed=0)
    np.testing.assert_allclose(seen.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std((0, 1, 2)), 1, rtol=1e-5)


def test_variant_without_regularization():
    model = network(nn.Dropout(0.9))
    loss = nn.CrossEntropyLoss(label_smoothing=0.5)
    made = program(model, loss, sgd(model, weight_decay=5.0, momentum=0.0), loaders(shuffle=False))
    changed = made.variant(regularization=False)
    images, labels = next(made.train_batches())
    one, two = (changed.step(changed.init(seed), images, labels) for seed in (0, 1))
    assert one[1] == two[1] and made.step(made.init(0), images, labels)[1] != made.step(made.init(1), images, labels)[1]
    gradient = changed.gradients(changed.init(0), images, labels)["4.weight"]
    moved = changed.parameters(one[0])["4.weight"] - changed.parameters(changed.init(0))["4.weight"]
    np.testing.assert_allclose(moved, -0.1 * gradient, atol=1e-6)
    assert loss.label_smoothing == 0.5


def test_variant_of_the_initialization():
    model = nn.Sequential(nn.Linear(4, 400), nn.BatchNorm1d(400), nn.ReLU(), nn.Linear(400, 300))
    batches = [(torch.randn(8, 4), torch.zeros(8, dtype=torch.long))]
    nn.init.constant_(model[3].weight, 1.0)
    made = program(model, loading=(batches, batches)).variant(initialization="he")
    found = made.parameters(made.init(0))
    assert found["3.weight"].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert (found["3.bias"] == 0).all() and (found["1.weight"] == 1).all()


def _examples(batches):
    for images, labels in batches:
        yield from zip([image.tobytes() for image in images], labels, strict=True)


def test_variants_of_order_and_batches():
    made = program(loading=loaders(shuffle=False), total_steps=100)
    changed = made.variant(shuffle=True, batch_size=8)
    first, second = (list(changed.train_batches()) for _ in range(2))
    assert [len(each) for each, _ in first] == [8] * 8 and changed.total_steps == 200
    assert not np.array_equal(first[0][1], second[0][1])
    pairs = dict(_examples(made.train_batches()))
    assert all(pairs[image] == label for image, label in _examples([*first, *second]))
    cut = [labels for _, labels in made.variant(batch_size=24).train_batches()]
    assert [len(each) for each in cut] == [24, 24]
    np.testing.assert_array_equal(np.concatenate(cut), np.concatenate([each for _, each in made.train_batches()])[:48])
