"""Learning-rate schedules against their formulas, optax and PyTorch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from verification.traces import closed_form
from zoo.errors import ZooError
from zoo.recipe import ConstantRate, Cosine, Exponential, MultiStep, OneCycle, Polynomial, ReduceOnPlateau, Step
from zoo.training.step.schedule import learning_rate, plateau_factor

TOTAL = 200


def rates(schedule, total=TOTAL):
    return np.asarray(jax.vmap(learning_rate(schedule, total))(jnp.arange(total)))


def test_constant():
    np.testing.assert_allclose(rates(ConstantRate(0.3)), 0.3)


def test_cosine_matches_optax():
    expected = [float(optax.cosine_decay_schedule(0.2, TOTAL, alpha=0.1)(step)) for step in range(TOTAL)]
    np.testing.assert_allclose(rates(Cosine(0.2, final=0.1)), expected, rtol=1e-5)
    np.testing.assert_allclose(rates(Cosine(0.2))[[0, TOTAL // 2]], [0.2, 0.1], rtol=1e-6)


def test_polynomial_matches_optax():
    expected = [float(optax.polynomial_schedule(0.2, 0.0, 2.0, TOTAL)(step)) for step in range(TOTAL)]
    np.testing.assert_allclose(rates(Polynomial(0.2, power=2.0)), expected, rtol=1e-5, atol=1e-8)


def test_multi_step_falls_exactly_at_its_boundaries():
    found = rates(MultiStep(0.1, boundaries=(0.25, 0.5), factor=0.1))
    assert [found[step] for step in (0, 49, 50, 99, 100, 199)] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    # 1 / 3 and 2 / 3 of 90 epochs of 10,009 steps: rounding must not move a boundary by a step
    steps = 90 * 10_009
    rate = learning_rate(MultiStep(0.1, boundaries=(30 / 90, 60 / 90)), steps)
    assert [float(rate(30 * 10_009 + shift)) for shift in (-1, 0)] == pytest.approx([0.1, 0.01])


@pytest.mark.parametrize(
    "schedule", [Cosine(0.4, warmup=0.1), Polynomial(0.4, warmup=0.1), ConstantRate(0.4, warmup=0.1)]
)
def test_warmup_rises_to_the_peak_and_the_decay_covers_the_rest(schedule):
    found = rates(schedule)
    np.testing.assert_allclose(found[:20], 0.4 * np.arange(1, 21) / 20, rtol=1e-5)
    assert found.argmax() in (19, 20) and found.max() == pytest.approx(0.4)
    without = rates(type(schedule)(0.4), TOTAL - 20)
    np.testing.assert_allclose(found[20:], without, rtol=1e-4, atol=1e-7)


def test_step_falls_exactly_at_multiples():
    found = rates(Step(0.1, every=0.3, factor=0.5))
    assert [found[step] for step in (0, 59, 60, 119, 120, 179, 180, 199)] == pytest.approx(
        [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125]
    )
    # EfficientNet: factor 0.97 every 2.4 of 350 epochs
    steps = 350 * 1000
    rate = learning_rate(Step(0.256, every=2.4 / 350, factor=0.97), steps)
    assert [float(rate(step)) for step in (2399, 2400, 240_000, steps - 1)] == pytest.approx(
        [0.256 * 0.97**drops for drops in (0, 1, 100, 145)], rel=1e-5
    )


def test_exponential_matches_optax():
    expected = [float(optax.exponential_decay(0.2, TOTAL, 0.01)(step)) for step in range(TOTAL)]
    np.testing.assert_allclose(rates(Exponential(0.2, final=0.01)), expected, rtol=1e-5)


def test_constant_then_exponential_matches_a_keras_scheduler():
    """def scheduler(epoch, lr): return lr if epoch < 50 else lr * exp(-0.1), for 100 epochs; it first decays at 50."""
    rate, expected = 0.01, []
    for epoch in range(100):
        rate = rate if epoch < 50 else rate * math.exp(-0.1)
        expected.append(rate)
    found = rates(Exponential(0.01, constant=0.5, final=math.exp(-5)), 100)
    np.testing.assert_allclose(found[:51], 0.01, rtol=1e-6)
    np.testing.assert_allclose(found[51:], expected[50:99], rtol=1e-5)


def test_one_cycle_is_piecewise_linear():
    found = rates(OneCycle(1.0, rise=0.4, fall=0.4, initial=0.1, final=0.001))
    corners = {0: 0.1, 40: 0.55, 80: 1.0, 120: 0.55, 160: 0.1, 180: 0.0505}
    assert [found[step] for step in corners] == pytest.approx(list(corners.values()), rel=1e-4)
    assert found[199] == pytest.approx(0.001 + 0.099 / 40, rel=1e-4)
    assert set(np.abs(np.diff(found, 2)).argsort()[-2:]) == {79, 159}


def test_one_cycle_matches_pytorch_up_to_a_shift_of_one_step():
    torch = pytest.importorskip("torch")
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        sgd, 1.0, total_steps=2000, pct_start=0.4, anneal_strategy="linear", cycle_momentum=False, div_factor=10.0,
        final_div_factor=100.0, three_phase=True,
    )  # fmt: skip
    expected = []
    for _ in range(2000):
        expected.append(sgd.param_groups[0]["lr"])
        sgd.step()
        theirs.step()
    ours = rates(OneCycle(1.0, rise=0.4, fall=0.4, initial=0.1, final=0.001), 2000)
    np.testing.assert_allclose(ours, expected, atol=3 * 0.9 / 800)  # the slope is 0.9 / 800 per step


@pytest.mark.parametrize("metric, sign", [("loss", 1), ("top1", -1)])
def test_plateau_matches_pytorch(metric, sign):
    torch = pytest.importorskip("torch")
    values = sign * np.random.default_rng(0).normal(0, 0.1, 60) - sign * np.minimum(np.arange(60), 30) / 20
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        sgd,
        "min" if sign > 0 else "max",
        factor=0.5,
        patience=2,
        threshold=0.02,
        threshold_mode="abs",
        min_lr=0.01,
        eps=0,
    )
    ours = ReduceOnPlateau(1.0, metric=metric, factor=0.5, patience=3, minimum_change=0.02, final=0.01)
    factors = []
    for seen, value in enumerate(values, start=1):
        theirs.step(value)
        factors.append(plateau_factor(ours, values[:seen]))
        assert factors[-1] == pytest.approx(sgd.param_groups[0]["lr"])
    assert len(set(factors)) > 5 and factors[-1] == 0.01


def test_plateau_ignores_nan():
    part = ReduceOnPlateau(1.0, factor=0.5, patience=2)
    assert plateau_factor(part, [math.nan, 2.0, 1.0]) == 1.0
    assert plateau_factor(part, [1.0, math.nan, math.nan]) == 0.5


def test_closed_form_of_verification_agrees():
    for schedule in (
        Cosine(0.2, 0.05, 0.1),
        Polynomial(0.2, 0.1, 2.0),
        MultiStep(0.2, 0.1, (0.3, 0.6)),
        ConstantRate(0.2),
        ReduceOnPlateau(0.2, 0.1),
        Step(0.2, 0.1, every=0.15, factor=0.9),
        Exponential(0.2, 0.1, final=0.05, constant=0.3),
        Exponential(0.2, 0.1, final=0.05),
        OneCycle(0.2, rise=0.3, fall=0.5, initial=0.2),
        OneCycle(0.2, rise=0.5, fall=0.5),
    ):
        expected = [closed_form(schedule, step, TOTAL) for step in range(TOTAL)]
        np.testing.assert_allclose(rates(schedule), expected, rtol=1e-4, atol=1e-7)
    assert closed_form(Cosine(1.0), 50, 100) == pytest.approx((1 + math.cos(math.pi / 2)) / 2)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: ConstantRate(0.1, warmup=1.5), r"ConstantRate.warmup must be in \[0, 1\), not 1.5"),
        (lambda: Step(0.1, every=1.0), "Step.every"),
        (lambda: Exponential(0.1, final=0.0), "Exponential.final"),
        (lambda: Exponential(0.1, warmup=0.3, constant=0.2), "Exponential.constant must be 0, or at least warmup"),
        (lambda: OneCycle(0.1, warmup=0.1), "OneCycle.warmup must be 0"),
        (lambda: OneCycle(0.1, rise=0.6, fall=0.5), "OneCycle.fall"),
        (lambda: MultiStep(0.1), "MultiStep.boundaries must be one or more fractions of the run"),
        (lambda: ReduceOnPlateau(0.1, metric="val_loss"), "ReduceOnPlateau.metric must be one of loss, top1"),
        (lambda: ReduceOnPlateau(0.1, patience=0), "ReduceOnPlateau.patience"),
    ],
)
def test_invalid_values_are_errors(build, message):
    with pytest.raises(ZooError, match=message):
        build()
