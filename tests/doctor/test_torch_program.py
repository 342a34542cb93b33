"""Programs made from a network, loss, optimizer and loaders of PyTorch."""

import copy
import random

import documents
import numpy as np
import pytest

from zoo.doctor.adapters.torch_program import from_torch
from zoo.doctor.program import Program, can
from zoo.errors import ZooError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

CLASSES = 3


def network(*more):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 6, CLASSES), *more
    )


def data(count=64, scale=1.0):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 2, 6, 8, generator=generator)
    labels = images.mean((1, 2, 3)).argsort().argsort() * CLASSES // count
    return TensorDataset(images * scale, labels)


def loaders(scale=1.0, **options):
    return DataLoader(data(scale=scale), 16, **{"shuffle": True} | options), DataLoader(data(16, scale), 8)


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01} | options)


def program(model=None, loss=None, optimizer=None, loading=None, **options):
    model = network() if model is None else model
    optimizer = sgd(model) if optimizer is None else optimizer
    return from_torch(model, loss or nn.CrossEntropyLoss(), optimizer, *(loading or loaders()), **options)


def run(made, steps=5, seed=0):
    state, losses = made.init(seed), []
    for _ in range(steps // 4 + 1):
        for images, labels in made.train_batches():
            if len(losses) < steps:
                state, loss = made.step(state, images, labels)
                losses.append(loss)
    return state, losses


def trace(model, optimizer, loader):
    """Everything of the user's that could change."""
    return copy.deepcopy(
        (
            model.state_dict(),
            optimizer.state_dict(),
            [module.training for module in model.modules()],
            [parameter.grad for parameter in model.parameters()],
            [len(module._forward_hooks) for module in model.modules()],
            torch.get_rng_state(),
            loader.generator.get_state() if loader.generator else None,
            random.getstate(),
            np.random.get_state(),
        )
    )


def same(one, other):
    if isinstance(one, torch.Tensor | np.ndarray):
        return bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_is_a_program():
    made = program(classes=CLASSES)
    assert isinstance(made, Program)
    assert made.name == "Sequential" and made.classes == CLASSES and not can(made, "total_steps")
    images, labels = next(made.train_batches())
    assert images.shape == (16, 6, 8, 2) and labels.shape == (16,) and labels.dtype == np.int64
    assert sum(len(each) for each, _ in made.eval_batches()) == 16


def test_steps_are_those_of_the_users_own_loop():
    torch.manual_seed(3)
    model = network(nn.Dropout(0.2))
    optimizer, loss_fn = sgd(model), nn.CrossEntropyLoss()
    made = program(model, loss_fn, optimizer)
    batches = list(loaders(shuffle=False)[0])
    state, losses = made.init(7), []
    for images, labels in [*batches, batches[0]]:
        state, loss = made.step(state, np.moveaxis(images.numpy(), 1, -1), labels.numpy())
        losses.append(loss)

    torch.manual_seed(7)
    expected = []
    for images, labels in [*batches, batches[0]]:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    assert losses == expected
    model.eval()
    images = batches[0][0]
    outputs = made.predict(state, np.moveaxis(images.numpy(), 1, -1))
    np.testing.assert_array_equal(outputs, model(images).detach().numpy())


def test_batches_are_those_of_the_users_loader():
    loading = loaders()
    made = program(loading=loading)
    first, second = (np.concatenate([labels for _, labels in made.train_batches()]) for _ in range(2))
    assert not np.array_equal(first, second)
    again = np.concatenate([labels for _, labels in made.variant(rate=1.0).train_batches()])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, torch.cat([labels for _, labels in loading[0]]).numpy())


@pytest.mark.parametrize("own_generator", [False, True])
def test_leaves_no_trace(own_generator):
    generator = torch.Generator().manual_seed(2) if own_generator else None
    loading = loaders(generator=generator)
    model = network(nn.Dropout(0.5))
    optimizer, loss_fn = sgd(model), nn.CrossEntropyLoss()
    images, labels = next(iter(loading[0]))
    loss_fn(model(images), labels).backward()
    optimizer.step()
    model.eval()
    before = trace(model, optimizer, loading[0])

    made = program(model, loss_fn, optimizer, loading)
    state, _ = run(made, 6)
    images, labels = next(made.train_batches())
    made.predict(state, images)
    made.parameters(state)
    made.gradients(state, images, labels)
    made.activations(state, images)
    made.inputs(images, train=True, seed=0)
    made.loss(np.zeros((16, CLASSES)), labels)
    made.learning_rate(3)
    changes = {"loss": "cross_entropy", "optimizer": "adam", "regularization": False, "initialization": "he"}
    run(made.variant(**changes, standardize=True, shuffle=True, batch_size=8, schedule="constant", rate=0.5), 3)
    assert same(before, trace(model, optimizer, loading[0]))


def test_states_are_never_changed():
    made = program()
    start = made.init(0)
    images, labels = next(made.train_batches())
    parameters = {name: value.copy() for name, value in made.parameters(start).items()}
    middle, first = made.step(start, images, labels)
    made.step(middle, images, labels)
    assert made.step(start, images, labels)[1] == first
    assert made.step(made.step(start, images, labels)[0], images, labels)[1] != first
    assert same(parameters, dict(made.parameters(start)))
    assert same(parameters, dict(made.parameters(made.init(1))))


def test_gradients_are_those_of_autograd():
    model = network()
    model[0].requires_grad_(False)
    made = program(copy.deepcopy(model))
    images, labels = next(iter(loaders(shuffle=False)[0]))
    found = made.gradients(made.init(0), np.moveaxis(images.numpy(), 1, -1), labels.numpy())
    nn.functional.cross_entropy(model.train()(images), labels).backward()
    assert list(found) == [name for name, _ in model.named_parameters()]
    for name, parameter in model.named_parameters():
        expected = torch.zeros(parameter.shape) if parameter.grad is None else parameter.grad
        np.testing.assert_array_equal(found[name], expected.numpy())


def test_activations_are_in_the_order_of_computation():
    class Reversed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.act, self.first = nn.Linear(5, CLASSES), nn.Tanh(), nn.Linear(4, 5)
            self.block = nn.Sequential(nn.Linear(5, 5))

        def forward(self, x):
            return self.act(self.last(self.block(self.act(self.first(x)))))

    batches = [(torch.randn(8, 4), torch.zeros(8, dtype=torch.long))]
    made = program(Reversed(), loading=(batches, batches))
    found = made.activations(made.init(0), batches[0][0].numpy())
    assert list(found) == ["first", "act", "block.0", "last", "act:2"]
    assert found["last"].shape == (8, CLASSES)
    images, _ = next(program().train_batches())
    assert program().activations(program().init(0), images)["0"].shape == (16, 4, 6, 4)


def test_inputs_are_those_of_the_first_layer_with_parameters():
    class Scale(nn.Module):
        def forward(self, x):
            return x / 255 + (torch.rand(()) if self.training else 0)

    made = program(nn.Sequential(Scale(), network()))
    images, _ = next(made.train_batches())
    np.testing.assert_allclose(made.inputs(images, train=False, seed=0), images / 255, rtol=1e-6)
    one, two, again = (made.inputs(images, train=True, seed=seed) for seed in (0, 1, 0))
    assert not np.array_equal(one, two) and np.array_equal(one, again)
    standardized = made.variant(standardize=True).inputs(100 * images, train=False, seed=0)
    assert 0.3 < standardized.std() * 255 / 100 < 1.2
    flat = program(nn.Sequential(nn.Flatten(), nn.Linear(96, CLASSES)))
    np.testing.assert_array_equal(flat.inputs(images, train=True, seed=0), images)


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


def test_schedulers_are_followed():
    model = network()
    optimizer = sgd(model)
    made = program(model, None, optimizer, scheduler=torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1))
    assert [made.learning_rate(step) for step in (0, 3, 4, 8)] == pytest.approx([0.1, 0.1, 0.01, 0.001])
    state, _ = run(made, 5)
    assert state.optimizer["param_groups"][0]["lr"] == pytest.approx(0.01)
    assert optimizer.param_groups[0]["lr"] == 0.1

    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=20)
    made = program(model, None, optimizer, scheduler=cycle)
    assert made.total_steps == 20
    rates = [made.learning_rate(step) for step in range(20)]
    assert max(rates) == pytest.approx(1.0) and rates[0] == pytest.approx(0.04) and rates[19] < 1e-3
    state, _ = run(made, 6)
    assert state.optimizer["param_groups"][0]["lr"] == pytest.approx(rates[6])
    held = made.variant(schedule="constant")
    assert held.learning_rate(0) == held.learning_rate(15) == pytest.approx(1.0)
    half = made.variant(rate=0.5)
    assert half.learning_rate(6) == pytest.approx(rates[6] / 2)


def test_unknown_changes_raise_key_errors():
    made = program()
    for change in ({"augmentation": False}, {"fields": {}}, {"optimizer": "sgd"}, {"batch_size": 0}):
        with pytest.raises(KeyError, match=next(iter(change))):
            made.variant(**change)


def test_loss_of_outputs():
    made = program()
    assert made.loss(np.zeros((4, CLASSES)), np.arange(4) % CLASSES) == pytest.approx(np.log(CLASSES))


def test_networks_that_keep_activations_can_be_copied():
    class Keeper(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = network()

        def forward(self, x):
            self.kept = self.layers(x)
            return self.kept

    model = Keeper()
    model(torch.randn(2, 2, 6, 8))
    assert np.isfinite(run(program(model))[1]).all()


BATCHES = [(torch.randn(4, 2, 6, 8), torch.zeros(4, dtype=torch.long))]


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        (iter(BATCHES), "iterator"),
        ((batch for batch in BATCHES), "iterator"),
        (5, "no batches"),
        ([], "empty"),
        ([{"image": BATCHES[0][0], "label": BATCHES[0][1]}], "dict"),
        ([(*BATCHES[0], 1)], "3 items"),
        ([({"image": BATCHES[0][0]}, BATCHES[0][1])], "dict"),
        ([(BATCHES[0][0], ["a", "b", "c", "d"])], "numbers"),
        ([(BATCHES[0][0], BATCHES[0][1][:2])], "label each"),
    ],
)
def test_loaders_of_another_kind(loader, words):
    with pytest.raises(ZooError, match=words):
        program(loading=(loader, BATCHES))
    with pytest.raises(ZooError, match=words):
        list(program(loading=(BATCHES, loader)).eval_batches())


def test_errors_of_the_users_code_are_one_line():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = network()

        def forward(self, x):
            return self.layers(x), x

    images, labels = next(program().train_batches())
    made = program()
    with pytest.raises(ZooError, match="out of bounds"):
        made.step(made.init(0), images, labels + 5)
    with pytest.raises(ZooError, match="IndexError|RuntimeError|ValueError"):
        made.loss(np.zeros((4, CLASSES)), np.zeros(3, int))
    for model, loss, words in ((Pair(), None, "tuple"), (None, nn.CrossEntropyLoss(reduction="none"), "scalar")):
        made = program(model, loss)
        with pytest.raises(ZooError, match=words) as error:
            made.step(made.init(0), images, labels)
        assert "\n" not in str(error.value)
    made = program()
    start = made.init(0)
    with pytest.raises(ZooError):
        made.step(start, images, labels + 5)
    assert np.isfinite(made.step(start, images, labels)[1])


def test_images_of_other_layouts_and_types():
    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = network()

        def forward(self, x):
            return self.layers(x.permute(0, 3, 1, 2)[:, :2])

    batches = [(np.random.default_rng(0).random((4, 6, 8, 3)), np.zeros(4, int))]
    made = program(ChannelsLast(), loading=(batches, batches))
    assert next(made.train_batches())[0].shape == (4, 6, 8, 3)
    assert np.isfinite(run(made, 1)[1]).all()


@pytest.mark.parametrize("fault", [None, *documents.FAULTS])
def test_the_document_about_pytorch(fault):
    made = documents.document(4, fault, examples=96)
    images, labels = next(made.train_batches())
    evaluated = next(made.eval_batches())[0]
    healthy = documents.document(4, examples=96)
    state, loss = made.step(made.init(0), images, labels)
    assert images.shape == (32, 28, 28, 1) and loss > 0
    match fault:
        case "inputs_unscaled":
            assert images.max() > 200 and evaluated.max() > 200
        case "evaluation_preprocessing":
            assert images.max() < 3 and evaluated.max() > 200
        case "unshuffled":
            assert (np.diff(labels) >= 0).all()
        case "frozen_parameters":
            changed = {name for name, value in made.parameters(state).items() if (value != _start(made)[name]).any()}
            assert changed == {"0.weight", "0.bias"}
        case "learning_rate_high" | "learning_rate_low":
            assert made.learning_rate(0) == healthy.learning_rate(0) * documents.RATE_FACTORS[fault]
        case "output_activation":
            np.testing.assert_allclose(made.predict(state, images).sum(1), 1, rtol=1e-5)
        case "loss_reduction":
            assert loss > 50


def _start(made):
    return made.parameters(made.init(0))
