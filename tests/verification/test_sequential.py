"""Tests of the sequential comparison of fresh runs with reference runs: its rates, its power, and when it ends."""

import numpy as np
import pytest
import scipy.stats

from verification import ledger
from verification.convergence import ends_of_parts, losses_of_parts, rates
from verification.convergence.sequential import (
    MOST_RUNS,
    SHARES,
    OutOfBand,
    Watch,
    compare,
    measure_bands,
    recipe_alpha,
    run_trial,
)
from verification.statistics import (
    CONVERGENCE_ALPHA,
    SUITE_ALPHA,
    fraction_is_plausible,
    limit,
    prediction_band,
    probability_beyond,
    rate_bounds,
)

# Of the residuals of the ledgers' measures: four losses of parts, final loss, final accuracy (here its negative).
CORRELATION = np.full((6, 6), 0.4) + np.diag([0.6] * 6)
CORRELATION[4, 5] = CORRELATION[5, 4] = 0.83


def simulate(trials, n, kind="normal", seed=0):
    """Returns the measures of healthy reference runs [trials, n, 6] and fresh runs [trials, MOST_RUNS, 6]."""
    random = np.random.default_rng(seed)
    shape = (trials, n + MOST_RUNS)
    values = random.standard_normal((*shape, 6)) @ np.linalg.cholesky(CORRELATION).T
    if kind == "heavy tails":  # Student's t with 5 degrees of freedom
        values /= np.sqrt(random.chisquare(5, shape) / 5)[..., None]
    elif kind == "skewed":  # skewness 0.5
        values = np.exp(0.165 * values)
    return values[:, :n], values[:, n:]


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_all_runs_are_beyond_a_band_with_its_probability(runs):
    """Over 20,000 sets of 8 reference runs; this test fails for a right band once in 1,000 seeds."""
    random, alpha, trials = np.random.default_rng(runs), 0.05, 20_000
    values = random.normal(3.0, 0.2, (trials, 8 + runs))
    count = sum(prediction_band(each[:8], alpha, runs).all_beyond(each[8:]) for each in values)
    assert fraction_is_plausible(count, trials, alpha, 1e-3)


def test_band_of_one_run_is_a_prediction_interval():
    band = prediction_band([1.0, 2.0, 3.0], 0.05)
    margin = scipy.stats.t.ppf(0.975, 2) * np.sqrt(1 + 1 / 3)
    assert (band.low, band.high) == pytest.approx((2 - margin, 2 + margin))
    assert 2 * probability_beyond(margin, 3, 1) == pytest.approx(0.05, rel=1e-4)  # the grid, against the closed form
    assert band.all_beyond([7.0, 9.0]) and not band.all_beyond([7.0, -9.0]) and not band.all_beyond([7.0, 2.0])


@pytest.mark.parametrize("n", [5, 8, 16])
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "skewed"])
def test_healthy_trials_fail_as_often_as_declared(n, kind):
    """At 1 %, over 40,000 correlated trials: significantly more often in none of the cases (5 standard errors)."""
    alpha, trials = 0.01, 40_000
    count = int(rates.alarms(*simulate(trials, n, kind), alpha).sum())
    assert count <= alpha * trials * 1.05 + 5 * np.sqrt(alpha * trials)
    assert count >= 0.7 * alpha * trials  # the union bound wastes little


def test_bands_of_one_run_would_not_survive_heavy_tails():
    """What the agreement of three runs is for: alone, a single run's band fails far more often than declared."""
    references, fresh = simulate(40_000, 16, "heavy tails")
    assert rates.outside(references, fresh[:, 0], 0.01).mean() > 0.025


def test_limits_equal_those_of_the_maximum_over_correlated_measures():
    """At 1 in 1,000: the simulated quantile of the maximum, 16 reference runs, to 2 %."""
    references, fresh = simulate(200_000, 16)
    distance = (fresh - references.mean(1, keepdims=True)) / references.std(1, ddof=1, keepdims=True)
    agreed = np.maximum(distance.min(1), (-distance).min(1)).max(1)
    assert np.quantile(agreed, 1 - 1e-3) == pytest.approx(limit(1e-3 / 6, 16, 3), rel=0.02)


@pytest.mark.parametrize("n", [8, 16])
@pytest.mark.parametrize("power", [0.5, 0.9])
def test_shifts_are_found_with_the_stated_power(n, power):
    alpha = 2e-4
    references, fresh = simulate(10_000, n)
    fresh[..., 5] += rates.shift_found(power, n, 6, alpha)
    count = int(rates.alarms(references, fresh, alpha).sum())
    assert power - 0.02 < count / 10_000 < power + 0.03  # other looks and measures add a little


def test_the_program_and_the_measured_rates_decide_alike():
    """`compare`, run by run, and `rates.alarms`, for trials of which many fail after one, two and three runs."""
    references, fresh = simulate(60, 8)
    fresh *= np.linspace(1, 12, 60)[:, None, None]
    names, lengths = "abcdef", []
    for known, runs, alarm in zip(references, fresh, rates.alarms(references, fresh, 0.3), strict=True):
        known, runs = ([dict(zip(names, run, strict=True)) for run in each] for each in (known, runs))
        verdicts = [compare(known, runs[:count], 0.3) for count in range(1, MOST_RUNS + 1)]
        first = next(verdict for verdict in verdicts if verdict.status != "open")
        lengths.append(verdicts.index(first) + 1)
        assert (first.status == "fail") == alarm
    assert set(lengths) == {1, 2, 3}


def test_the_suite_has_one_false_alarm_rate(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    for name in ("a.cpu.jsonl", "b.cpu.jsonl", "a.gpu.jsonl"):
        (tmp_path / name).touch()
    assert 2 * recipe_alpha("cpu") == pytest.approx(CONVERGENCE_ALPHA) and recipe_alpha("tpu") == CONVERGENCE_ALPHA
    assert CONVERGENCE_ALPHA < SUITE_ALPHA and sum(SHARES) == pytest.approx(1)


# The trial, with made-up runs in place of training.

REFERENCES = [{"seed": seed, "measures": {"loss, part 1": 1.0 + value, "final top1": 0.8 + value / 10}}
              for seed, value in enumerate([-0.03, -0.02, -0.01, 0.0, 0.0, 0.01, 0.02, 0.03])]  # fmt: skip
ALPHA = 0.01
KNOWN = [run["measures"] for run in REFERENCES]


def trial(values, seed=100, **options):
    """Runs a trial whose runs have these accuracies, in order; returns it and the seeds that were trained."""
    seeds = []

    def train(seed, stop_if):
        seeds.append(seed)
        value = values[len(seeds) - 1]
        return None if value is None else {"loss, part 1": 1.0, "final top1": value}

    return run_trial(REFERENCES, seed, ALPHA, train, **options), seeds


def bounds(runs):
    band = measure_bands(KNOWN, ALPHA, runs)["final top1"]
    return band.low, band.high


def test_a_good_run_passes_alone():
    found, seeds = trial([0.8])
    assert (found.failed, found.stopped, seeds) == ((), None, [100])
    assert found.describe("final top1").startswith("final top1 is 0.8000; band 0.7")


def test_a_run_far_off_fails_alone_on_either_side():
    for value in (bounds(1)[0] - 0.001, bounds(1)[1] + 0.001, float("nan")):
        found, seeds = trial([value])
        assert (found.failed, seeds) == (("final top1",), [100])


def test_doubt_is_settled_by_further_runs():
    """Between the bands of one and three runs: another seed; the next one that no reference run has."""
    doubtful = (bounds(1)[1] + bounds(2)[1]) / 2
    assert trial([doubtful, doubtful], seed=8)[0].failed == ("final top1",)
    found, seeds = trial([doubtful, 0.8])
    assert (found.failed, seeds) == ((), [100, 101])
    assert trial([doubtful, bounds(3)[0] - 0.001])[0].failed == ()  # the other side
    slightly = (bounds(2)[1] + bounds(3)[1]) / 2
    found, seeds = trial([slightly] * 3)
    assert (found.failed, seeds) == (("final top1",), [100, 101, 102])
    found, seeds = trial([slightly, slightly, 0.8])
    assert (found.failed, seeds) == ((), [100, 101, 102]) and ", 0.8000; band" in found.describe("final top1")
    assert trial([slightly] * 3, seed=-2)[1] == [-2, -1, 8]


def test_a_trial_does_not_pass_before_a_run_has_reached_the_target():
    assert trial([0.8] * 3, reached=lambda: False)[1] == [100, 101, 102]
    answers = iter([False, True])
    assert trial([0.8] * 3, reached=lambda: next(answers))[1] == [100, 101]


def test_divergence_ends_a_trial():
    found, seeds = trial([None])
    assert (found.fresh, seeds) == ((), [100])


@pytest.mark.parametrize(("loss", "stopped_at"), [(9.0, 2), (1.0, None)])
def test_training_stops_where_a_run_has_failed(loss, stopped_at):
    steps = 8
    watched = []

    def train(seed, stop_if):
        watch = Watch(stop_if, ends_of_parts(steps))
        for step in range(1, steps + 1):
            watched.append(step)
            watch.train({"step": step, "loss": loss})
        assert watch.measures == losses_of_parts([loss] * steps)
        return {**watch.measures, "final top1": 0.8}

    found = run_trial(REFERENCES, 100, ALPHA, train)
    assert watched[-1] == (stopped_at or steps)
    assert (found.stopped is None) == (stopped_at is None)
    if stopped_at:
        assert found.stopped.startswith("loss, part 1 is 9.0000; band 0.")


def test_a_second_run_is_stopped_only_if_it_agrees_with_the_first():
    band = measure_bands(KNOWN, ALPHA, 2)["loss, part 1"]

    def parts_of_second(first, second):
        losses = iter([first, second])

        def train(seed, stop_if):
            value = next(losses)
            if reason := stop_if({"loss, part 1": value}):
                raise OutOfBand(reason)
            return {"loss, part 1": value, "final top1": 0.8}

        return run_trial(REFERENCES, 100, ALPHA, train)

    far = band.high + 0.001
    assert "is " + f"{far:.4f}, {far:.4f}" in parts_of_second(far, far).stopped
    assert parts_of_second(far, band.low - 0.001).stopped is None


def test_bounds_of_rates():
    assert rate_bounds(0, 180) == pytest.approx((0, 0.0203), abs=1e-4)
    low, high = rate_bounds(3, 212)
    assert low < 3 / 212 < high
