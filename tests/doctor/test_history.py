"""Tests of what the records of a run point to: each symptom by itself, and silence on healthy runs."""

import math

import jax
import numpy as np
import pytest

from verification.ledger import read_ledger
from zoo.catalog import list_recipes, load_recipe
from zoo.doctor.history import explain_history
from zoo.recipe import *
from zoo.training.run.verdict import diverged, judge
from zoo.training.step.schedule import learning_rate

STEPS = 200
UNIFORM = math.log(10)


@pytest.fixture(scope="module")
def recipe():
    """A recipe of 200 steps with SGD at a rate of 0.01, and a target that no history here reaches."""
    changes = {"budget.steps": STEPS, "schedule": ConstantRate(peak=0.01), "target": Target(0.99)}
    return load_recipe("lenet5").override(changes)


def noise(steps=STEPS, scale=0.02):
    return np.random.default_rng(0).normal(0, scale, steps)


def history(losses, *, rates=0.01, gradients=1.0, train=0.3, accuracy=0.3, majority=0.1, balanced=None):
    """Returns the records of a run: of each step, and of one evaluation at the end."""
    steps = len(losses)
    columns = [np.broadcast_to(values, steps) for values in (losses, rates, gradients, train)]
    records = [
        {"kind": "train", "step": step, "loss": loss, "learning_rate": rate, "grad_norm": gradient, "top1": top1}
        for step, (loss, rate, gradient, top1) in enumerate(zip(*map(np.ndarray.tolist, columns), strict=True), 1)
    ]
    balanced = accuracy if balanced is None else balanced
    final = {"top1": accuracy, "balanced_accuracy": balanced, "majority": majority, "examples": 1000, "loss": 2.0}
    return [*records, {"kind": "eval", "step": steps, **final}]


def causes(recipe, records, classes=10):
    """Returns the causes found in a run that ended."""
    found = explain_history(recipe, records, judge(records, recipe.target, STEPS), classes)
    for finding in found:
        assert finding.evidence and finding.healthy and finding.decided_by.startswith("history: ")
        assert finding.confidence <= 0.5 and not finding.confirmed and not finding.harmless
    return [finding.cause for finding in found]


def after_divergence(recipe, losses, where="the output of conv1"):
    records = history(losses)[:-1]
    values = {"learning_rate": 0.01, "loss": math.nan, "grad_norm": math.inf}
    return explain_history(recipe, records, diverged(values, where, recipe.target, len(losses) + 1, STEPS), 10)


def settled(start=UNIFORM, end=1.0):
    """Losses that fall quickly, and have long stopped falling at the end."""
    return end + (start - end) * np.exp(-np.arange(STEPS) / 15) + noise()


def test_early_divergence(recipe):
    (found,) = after_divergence(recipe, [2.3, 2.9, 6.1, 40.0])
    assert found.cause == "learning_rate_high" and found.confidence == 0.5 and "step 5 of 200" in found.summary
    assert found.remedy.endswith("--set=schedule.peak=0.001")
    raw = recipe.override({"normalization": RawRange()})
    assert [each.cause for each in after_divergence(raw, [2.3, 9.0])] == ["inputs_unscaled", "learning_rate_high"]
    (found,) = after_divergence(recipe, [])
    assert found.cause == "learning_rate_high" and found.confidence < 0.5


def test_late_divergence_is_less_certain(recipe):
    (found,) = after_divergence(recipe, settled()[:150])
    assert found.cause == "learning_rate_high" and found.confidence < 0.5


def test_inputs_that_are_not_finite_are_certain(recipe):
    (found,) = after_divergence(recipe, [2.3, 2.2], where="the network's input")
    assert found.cause == "bad_values" and found.confirmed and "step 3" in found.summary


def test_steps_that_can_change_nothing(recipe):
    flat = UNIFORM + noise()
    assert causes(recipe, history(flat, rates=1e-6)) == ["learning_rate_low"]
    adam = recipe.override({"optimizer": Adam()})
    assert causes(adam, history(flat, rates=1e-6)) == ["learning_rate_low"]
    (found,) = explain_history(recipe, history(flat, rates=1e-6), judge(history(flat), recipe.target, STEPS))
    assert found.remedy.endswith("--set=schedule.peak=10") and "can lower it by 0.002 only" in found.summary
    assert causes(adam, history(flat, rates=1e-3)) == []  # flat for another reason
    assert causes(recipe, history(flat, rates=0.01)) == []
    clipped = recipe.override({"clipping": ClipByNorm(norm=1e-3)})
    assert causes(clipped, history(flat, rates=0.01)) == ["learning_rate_low"]


def test_a_gradient_that_vanished(recipe):
    assert causes(recipe, history(UNIFORM + noise(), gradients=1e-8)) == ["initialization_scale"]


def test_a_loss_that_still_falls(recipe):
    falling = np.linspace(UNIFORM, 0.8, STEPS) + noise(scale=0.1)
    records = history(falling)
    assert causes(recipe, records) == ["stopped_early"]
    (found,) = explain_history(recipe, records, judge(records, recipe.target, STEPS))
    assert found.remedy.endswith("--set=budget.steps=400") and "in the last 50 of 200 steps" in found.summary
    slow = np.linspace(UNIFORM, 1.75, STEPS) + noise()
    assert causes(recipe, history(slow)) == ["learning_rate_low", "stopped_early"]
    assert causes(recipe, history(settled())) == []
    noisy = np.linspace(UNIFORM, 2.0, STEPS) + noise(scale=0.5)
    assert causes(recipe, history(noisy)) == []
    after_a_jump = np.r_[UNIFORM + noise()[:10], np.linspace(1000, 100, STEPS - 10)]
    assert causes(recipe, history(after_a_jump)) == ["learning_rate_high"]


def test_early_stopping_before_the_end(recipe):
    falling = (np.linspace(UNIFORM, 0.8, STEPS) + noise(scale=0.05))[:120]
    stopping = recipe.override({"early_stopping": EarlyStopping(patience=2)})
    records = history(falling)
    (found,) = explain_history(stopping, records, judge(records, recipe.target, STEPS))
    assert found.cause == "stopped_early" and found.remedy.endswith("--set=early_stopping.patience=4")
    epochs = recipe.override({"budget.steps": None, "budget.epochs": 1.5})
    (found,) = explain_history(epochs, records, judge(records, recipe.target, 120))
    assert found.remedy.endswith("--set=budget.epochs=3")


def test_a_jump_of_the_loss(recipe):
    losses = UNIFORM + noise()
    losses[5] = 60.0
    assert causes(recipe, history(losses)) == ["learning_rate_high"]
    assert causes(recipe, history(losses[:20])) == ["learning_rate_high"]  # a trend would need more steps


def test_a_large_first_loss(recipe):
    losses = settled(start=40.0, end=2.0)
    assert causes(recipe, history(losses)) == ["initialization_scale"]
    assert causes(recipe.override({"normalization": RawRange()}), history(losses)) == ["inputs_unscaled"]
    assert causes(recipe, history(losses), classes=None) == []


def test_a_rate_of_nearly_zero(recipe):
    rates = 0.01 * np.where(np.arange(STEPS) < 60, 1.0, 1e-4)
    assert "schedule" in causes(recipe, history(settled(), rates=rates))


def test_examples_that_are_memorized(recipe):
    good = {"train": 0.999}
    found = causes(recipe, history(settled(end=0.01), **good, accuracy=0.7))
    assert found == ["augmentation_missing", "regularization_weak", "too_little_data"]
    augmented = recipe.override({"augmentation.train": (*recipe.augmentation.train, HorizontalFlip())})
    assert causes(augmented, history(settled(end=0.01), **good, accuracy=0.7))[0] == "regularization_weak"
    found = causes(recipe, history(settled(end=0.01), **good, accuracy=0.11))
    assert found == ["labels_independent", "evaluation_preprocessing"]
    assert causes(recipe, history(settled(end=0.01), **good, accuracy=0.9)) == []


def test_predictions_of_the_commonest_class(recipe):
    constant = history(settled(), accuracy=0.8, majority=0.8, balanced=0.1)
    assert causes(recipe, constant) == ["class_imbalance"]
    assert causes(recipe.override({"imbalance": ClassWeights()}), constant) == []
    assert causes(recipe, history(settled(), accuracy=0.1, majority=0.1, balanced=0.1)) == []


def test_runs_that_converge_and_short_ones_that_fall_are_silent(recipe):
    falling = np.linspace(UNIFORM, 0.8, STEPS)
    reached = recipe.override({"target": Target(0.2)})
    assert causes(reached, history(falling)) == []
    late = recipe.override({"target": Target(0.2, within_steps=10), "budget.steps": None, "budget.epochs": 1})
    assert causes(late, history(falling)) == []
    assert causes(recipe, history(falling[:20])) == []


@pytest.mark.parametrize("name", list_recipes())
def test_healthy_runs_have_no_symptom(name):
    """Of runs in the ledger whose target is put out of reach, at most the end can have come too early."""
    recipe = load_recipe(name)
    for run in read_ledger(name, recipe, "cpu"):
        steps = len(run["train_loss"])
        rates = np.asarray(jax.vmap(learning_rate(recipe.schedule, steps))(np.arange(steps)))
        records = history(run["train_loss"], rates=rates, gradients=np.nan, train=run["train_top1"])[:-1]
        records += run["evaluations"]
        assert explain_history(recipe, records, judge(records, recipe.target, steps), 10) == []
        unreachable = Target(1.0, recipe.target.metric if recipe.target else "top1")
        found = explain_history(
            recipe.override({"target": unreachable}), records, judge(records, unreachable, steps), 10
        )
        assert {finding.cause for finding in found} <= {"stopped_early"}, [run["seed"], found]
