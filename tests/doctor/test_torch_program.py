"""Programs made from a network, loss, optimizer and loaders of PyTorch."""

import copy

import documents
import numpy as np
import pytest
from torch_examples import CLASSES, loaders, network, nn, program, run, same, sgd, torch, trace

from zoo.doctor.program import Program, can
from zoo.errors import ZooError


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
