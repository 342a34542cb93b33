"""Schedules against their formulas, updates against the rules they name."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from zoo.optimizer import decay_mask, learning_rate, make_optimizer
from zoo.recipe import SGD, ConstantRate, Cosine, MultiStep, Polynomial, Regularization

TOTAL = 200


def rates(schedule, total=TOTAL):
    return np.asarray(jax.vmap(learning_rate(schedule, total))(jnp.arange(total)))


def test_constant():
    np.testing.assert_allclose(rates(ConstantRate(0.3)), 0.3)


def test_cosine_is_optaxs():
    expected = [float(optax.cosine_decay_schedule(0.2, TOTAL, alpha=0.1)(step)) for step in range(TOTAL)]
    np.testing.assert_allclose(rates(Cosine(0.2, final=0.1)), expected, rtol=1e-5)
    np.testing.assert_allclose(rates(Cosine(0.2))[[0, TOTAL // 2]], [0.2, 0.1], rtol=1e-6)


def test_polynomial_is_optaxs():
    expected = [float(optax.polynomial_schedule(0.2, 0.0, 2.0, TOTAL)(step)) for step in range(TOTAL)]
    np.testing.assert_allclose(rates(Polynomial(0.2, power=2.0)), expected, rtol=1e-5, atol=1e-8)


def test_multi_step_falls_exactly_at_its_boundaries():
    found = rates(MultiStep(0.1, boundaries=(0.25, 0.5), factor=0.1))
    assert [found[step] for step in (0, 49, 50, 99, 100, 199)] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    # 1 / 3 and 2 / 3 of 90 epochs of 10,009 steps: no rounding may move a boundary by a step
    steps = 90 * 10_009
    rate = learning_rate(MultiStep(0.1, boundaries=(30 / 90, 60 / 90)), steps)
    assert [float(rate(30 * 10_009 + shift)) for shift in (-1, 0)] == pytest.approx([0.1, 0.01])


@pytest.mark.parametrize(
    "schedule", [Cosine(0.4, warmup=0.1), Polynomial(0.4, warmup=0.1), ConstantRate(0.4, warmup=0.1)]
)
def test_warmup_rises_to_the_peak_and_the_shape_takes_the_rest(schedule):
    found = rates(schedule)
    np.testing.assert_allclose(found[:20], 0.4 * np.arange(1, 21) / 20, rtol=1e-5)
    assert found.argmax() in (19, 20) and found.max() == pytest.approx(0.4)
    without = rates(type(schedule)(0.4), TOTAL - 20)
    np.testing.assert_allclose(found[20:], without, rtol=1e-4, atol=1e-7)


def run(optimizer, gradients, schedule, regularization, start):
    transformation = make_optimizer(optimizer, regularization, learning_rate(schedule, len(gradients)))
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
FALLING = MultiStep(0.1, boundaries=(0.5,), factor=0.1)  # the rate changes, which is where the two momenta differ


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_pytorchs_documented_update(gradients, nesterov):
    weight, buffer = START.astype(float), np.zeros(4)
    for step, gradient in enumerate(gradients):
        rate = 0.1 if step < 3 else 0.01
        g = gradient + 0.05 * weight
        buffer = 0.9 * buffer + g
        weight = weight - rate * (g + 0.9 * buffer if nesterov else buffer)
    found = run(SGD(0.9, nesterov=nesterov), gradients, FALLING, Regularization(0.05), START)
    np.testing.assert_allclose(found, weight, rtol=1e-5)


def test_sgd_is_the_update_of_krizhevsky_2012(gradients):
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


def test_the_closed_form_of_verification_is_independent_and_agrees():
    from verification.traces import closed_form

    for schedule in (
        Cosine(0.2, 0.05, 0.1),
        Polynomial(0.2, 0.1, 2.0),
        MultiStep(0.2, 0.1, (0.3, 0.6)),
        ConstantRate(0.2),
    ):
        expected = [closed_form(schedule, step, TOTAL) for step in range(TOTAL)]
        np.testing.assert_allclose(rates(schedule), expected, rtol=1e-4, atol=1e-7)
    assert closed_form(Cosine(1.0), 50, 100) == pytest.approx((1 + math.cos(math.pi / 2)) / 2)
