"""Optimizer updates against PyTorch and against the papers' rules in float64."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from verification.optimizer import clip, update_rule
from zoo.recipe import (
    LAMB,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    ClipByNorm,
    ClipByValue,
    ConstantRate,
    Lion,
    MultiStep,
    Regularization,
    RMSprop,
    WeightAverage,
)
from zoo.training.step.optimizer import decay_mask, make_optimizer
from zoo.training.step.schedule import learning_rate
from zoo.training.step.weight_average import average_weights


def run(optimizer, gradients, schedule, regularization, start, clipping=None):
    transformation = make_optimizer(optimizer, regularization, learning_rate(schedule, len(gradients)), clipping)
    params = {"kernel": jnp.asarray(start)}
    state = transformation.init(params)
    for gradient in gradients:
        updates, state = transformation.update({"kernel": jnp.asarray(gradient)}, state, params)
        params = optax.apply_updates(params, updates)
    return np.asarray(params["kernel"])


@pytest.fixture
def gradients():
    return np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)


START = np.array([1.0, -2.0, 0.5, 3.0], np.float32)
FALLING = MultiStep(0.1, boundaries=(0.5,), factor=0.1)  # the two kinds of momentum differ when the rate changes


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_matches_pytorchs_documented_update(gradients, nesterov):
    weight, buffer = START.astype(float), np.zeros(4)
    for step, gradient in enumerate(gradients):
        rate = 0.1 if step < 3 else 0.01
        g = gradient + 0.05 * weight
        buffer = 0.9 * buffer + g
        weight = weight - rate * (g + 0.9 * buffer if nesterov else buffer)
    found = run(SGD(0.9, nesterov=nesterov), gradients, FALLING, Regularization(0.05), START)
    np.testing.assert_allclose(found, weight, rtol=1e-5)


def test_sgd_matches_krizhevsky_2012(gradients):
    """Section 5: v = 0.9 v - 0.0005 e w - e g, w = w + v."""
    weight, velocity = START.astype(float), np.zeros(4)
    for step, gradient in enumerate(gradients):
        e = 0.1 if step < 3 else 0.01
        velocity = 0.9 * velocity - 0.0005 * e * weight - e * gradient
        weight = weight + velocity
    found = run(SGD(0.9, rate_in_momentum=True), gradients, FALLING, Regularization(0.0005), START)
    np.testing.assert_allclose(found, weight, rtol=1e-5)
    other = run(SGD(0.9), gradients, FALLING, Regularization(0.0005), START)
    assert not np.allclose(other, weight, rtol=1e-3)


def test_no_momentum(gradients):
    found = run(SGD(0.0), gradients, ConstantRate(0.1), Regularization(), START)
    np.testing.assert_allclose(found, START - 0.1 * gradients.sum(0), rtol=1e-5)


def test_decay_mask():
    params = {"conv1": {"kernel": 0, "bias": 0}, "block": {"norm": {"scale": 0, "bias": 0}, "conv": {"kernel": 0}}}
    assert decay_mask(Regularization(1.0), params) == {
        "conv1": {"kernel": True, "bias": False},
        "block": {"norm": {"scale": False, "bias": False}, "conv": {"kernel": True}},
    }
    only = decay_mask(Regularization(1.0, decayed=("conv1/*",)), params)
    assert only["conv1"] == {"kernel": True, "bias": True} and not only["block"]["conv"]["kernel"]


TENSORFLOW_RMSPROP = RMSprop(0.9, 0.9, 0.001, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True)
OPTIMIZERS = [
    Adam(0.8, 0.95, 1e-3),
    AdamW(0.8, 0.95, 1e-3),
    LAMB(0.8, 0.95, 1e-3),
    Lion(0.8, 0.95),
    RMSprop(0.8, epsilon=0.1),
    RMSprop(0.8, 0.9, 0.1),
    TENSORFLOW_RMSPROP,
    Adadelta(0.8, 1e-3),
    Adagrad(0.1, 0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_updates_match_the_papers_in_float64(gradients, optimizer):
    weight, rule = START.astype(float), update_rule(optimizer, 0.05)
    for step, gradient in enumerate(gradients.astype(float)):
        weight = weight + rule(gradient, weight, 0.1 if step < 3 else 0.01, step)
    found = run(optimizer, gradients, FALLING, Regularization(0.05), START)
    np.testing.assert_allclose(found, weight, rtol=1e-5)


@pytest.mark.parametrize(
    "ours, name, options",
    [
        (Adam(0.8, 0.95, 1e-3), "Adam", {"betas": (0.8, 0.95), "eps": 1e-3}),
        (AdamW(0.8, 0.95, 1e-3), "AdamW", {"betas": (0.8, 0.95), "eps": 1e-3}),
        (RMSprop(0.8, 0.9, 0.1), "RMSprop", {"alpha": 0.8, "momentum": 0.9, "eps": 0.1}),
        (RMSprop(0.8, 0.0, 0.1), "RMSprop", {"alpha": 0.8, "eps": 0.1}),
        (Adadelta(0.8, 1e-3), "Adadelta", {"rho": 0.8, "eps": 1e-3}),
        (Adagrad(0.1), "Adagrad", {"initial_accumulator_value": 0.1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_updates_match_pytorch(gradients, ours, name, options):
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.tensor(START))
    theirs = getattr(torch.optim, name)([weight], lr=0.1, weight_decay=0.05, **options)
    for step, gradient in enumerate(gradients):
        theirs.param_groups[0]["lr"] = 0.1 if step < 3 else 0.01
        weight.grad = torch.tensor(gradient)
        theirs.step()
    found = run(ours, gradients, FALLING, Regularization(0.05), START)
    np.testing.assert_allclose(found, weight.detach().numpy(), rtol=1e-5)


def test_rmsprop_matches_tensorflow():
    """One step by hand: ms = 0.9 * 1 + 0.1 g^2, mom = rate * g / sqrt(ms + eps), w -= mom; then w -= 0.5 mom."""
    part = RMSprop(0.9, 0.5, 1.0, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True)
    gradients = np.array([[2.0], [0.0]], np.float32)
    change = 0.1 * 2 / np.sqrt(0.9 + 0.1 * 4 + 1)
    schedule = MultiStep(0.1, boundaries=(0.5,))  # the momentum does not depend on the second step's rate
    found = run(part, gradients, schedule, Regularization(), np.zeros(1, np.float32))
    np.testing.assert_allclose(found, -1.5 * change, rtol=1e-5)


@pytest.mark.parametrize("optimizer", [SGD(0.9), SGD(0.9, rate_in_momentum=True), *OPTIMIZERS], ids=repr)
def test_a_rate_factor_is_equivalent_to_another_rate(gradients, optimizer):
    transformation = make_optimizer(optimizer, Regularization(0.05), learning_rate(ConstantRate(0.1), 6))
    params = {"kernel": jnp.asarray(START)}
    state = transformation.init(params)
    for step, gradient in enumerate(gradients):
        factor = jnp.float32(1.0 if step < 3 else 0.1)
        updates, state = transformation.update({"kernel": jnp.asarray(gradient)}, state, params, rate_factor=factor)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(
        params["kernel"], run(optimizer, gradients, FALLING, Regularization(0.05), START), rtol=1e-5
    )


@pytest.mark.parametrize("optimizer", [SGD(0.9), *OPTIMIZERS], ids=repr)
def test_decoupled_weight_decay_without_gradient(optimizer):
    """Without a gradient, decoupled decay changes a weight by rate * decay; LAMB rescales that to the weights' norm."""
    once = run(optimizer, np.zeros((1, 4), np.float32), ConstantRate(0.1), Regularization(0.05), START)
    if isinstance(optimizer, LAMB):
        np.testing.assert_allclose(once, START * (1 - 0.1), rtol=1e-5)
    elif optimizer.decoupled or isinstance(optimizer, SGD):
        np.testing.assert_allclose(once, START * (1 - 0.1 * 0.05), rtol=1e-5)
    else:
        assert not np.allclose(once, START * (1 - 0.1 * 0.05), rtol=1e-4)
    without = run(optimizer, np.zeros((1, 4), np.float32), ConstantRate(0.1), Regularization(0.05, ("other",)), START)
    np.testing.assert_array_equal(without, START)


def test_l1_adds_signs_for_decayed_parameters(gradients):
    penalties = Regularization(0.05, l1=0.3)
    found = run(SGD(0.0), gradients[:1], ConstantRate(0.1), penalties, START)
    expected = START - 0.1 * (gradients[0] + 0.05 * START + 0.3 * np.array([1, -1, 1, 1]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    transformation = make_optimizer(SGD(0.0), Regularization(l1=0.3), lambda step: 1.0)
    params = {"kernel": jnp.ones(2), "bias": jnp.ones(2)}
    updates, _ = transformation.update(
        {"kernel": jnp.zeros(2), "bias": jnp.zeros(2)}, transformation.init(params), params
    )
    np.testing.assert_allclose([*updates["kernel"], *updates["bias"]], [-0.3, -0.3, 0, 0], rtol=1e-6)


def test_clipping_matches_pytorch(gradients):
    torch = pytest.importorskip("torch")
    params = {"a": jnp.zeros(4), "b": jnp.zeros((2, 4))}
    given = {"a": 3 * gradients[0], "b": gradients[1:3]}
    for ours, theirs in (
        (ClipByNorm(1.5), lambda ps: torch.nn.utils.clip_grad_norm_(ps, 1.5)),
        (ClipByNorm(1e3), lambda ps: torch.nn.utils.clip_grad_norm_(ps, 1e3)),
        (ClipByValue(0.4), lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.4)),
    ):
        parameters = [torch.nn.Parameter(torch.zeros(4)), torch.nn.Parameter(torch.zeros(2, 4))]
        for parameter, gradient in zip(parameters, given.values(), strict=True):
            parameter.grad = torch.tensor(gradient)
        theirs(parameters)
        transformation = make_optimizer(SGD(0.0), Regularization(), lambda step: 1.0, ours)
        updates, _ = transformation.update(given, transformation.init(params), params)
        for update, parameter in zip(updates.values(), parameters, strict=True):
            np.testing.assert_allclose(-update, parameter.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("clipping", [ClipByNorm(1.0), ClipByValue(0.3)])
def test_clipping_is_applied_before_decay(gradients, clipping):
    found = run(SGD(0.0), gradients[:1], ConstantRate(0.1), Regularization(0.5), START, clipping)
    expected = START - 0.1 * (clip(clipping, gradients[0].astype(float)) + 0.5 * START)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_weight_average_matches_tensorflow():
    """shadow -= (1 - decay) * (shadow - variable), decay = min(decay, (1 + n) / (10 + n))."""
    values = np.random.default_rng(0).standard_normal(200)
    for ramp in (True, False):
        shadow, found = 5.0, {"params": jnp.float32(5.0)}
        for n, value in enumerate(values, start=1):
            decay = min(0.9, (1 + n) / (10 + n)) if ramp else 0.9
            shadow -= (1 - decay) * (shadow - value)
            found = average_weights(WeightAverage(0.9, ramp), found, {"params": jnp.float32(value)}, jnp.int32(n))
            assert float(found["params"]) == pytest.approx(shadow, abs=1e-5)


def test_structure_of_the_sgd_state():
    """The structure of the state must not change, because checkpoints depend on it."""
    transformation = make_optimizer(SGD(0.9), Regularization(5e-4), lambda step: 0.1)
    momentum, schedule = (type(part).__name__ for part in transformation.init({"kernel": jnp.zeros(1)})[1:])
    assert (momentum, schedule) == ("TraceState", "ScaleByScheduleState")
