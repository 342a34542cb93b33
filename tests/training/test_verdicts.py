"""Verdicts on runs, and the diagnosis of divergence."""

import json
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from examples import small
from tiny import RECIPE

import zoo
from zoo import parallel
from zoo.data.pipeline import training_batches
from zoo.recipe import *
from zoo.training.diagnosis import first_non_finite
from zoo.training.prepare import prepare
from zoo.training.run.verdict import judge


def evaluation(step, top1, examples=1000, majority=0.1):
    return {"kind": "eval", "step": step, "top1": top1, "examples": examples, "majority": majority}


@pytest.fixture(scope="module")
def recipe():
    """A small AlexNet recipe, whose layer names appear in the tests."""
    return small(zoo.load_recipe("alexnet"))


def test_verdicts():
    history = [evaluation(30, 0.5), evaluation(60, 0.72), evaluation(90, 0.71), evaluation(120, 0.75)]
    good = judge(history, Target(0.7, within_steps=120), 120)
    assert good.converged and good.reached_step == 60 and "first reached at step 60" in good.explanation
    assert not judge(history, Target(0.76), 120).converged
    late = judge(history, Target(0.7, within_steps=100), 120)
    assert not late.converged and "100 steps were promised" in late.explanation
    relapsed = judge([evaluation(60, 0.8), evaluation(120, 0.6)], Target(0.7), 120)
    assert not relapsed.converged and relapsed.reached_step == 60
    # Without a target: the majority-class baseline plus three standard errors, here 0.1 + 3 * 0.0095.
    assert not judge([evaluation(9, 0.128)], None, 9).converged and judge([evaluation(9, 0.129)], None, 9).converged


@pytest.mark.parametrize(
    ("top1", "target", "majority", "expected"),
    [
        (0.56, None, 0.517, "0.5600 does not reach 0.564, the majority-class baseline plus three standard errors"),
        (0.128, None, 0.1, "0.12800 does not reach 0.12846, the majority-class baseline plus three standard errors"),
        (0.69996, Target(0.7), 0.1, "0.69996 does not reach the target 0.7"),
        (0.7, Target(0.7), 0.1, "0.7000 reaches the target 0.7"),
        (0.70001, Target(0.7), 0.1, "0.7000 reaches the target 0.7"),
        (0.5, Target(0.5000004), 0.1, "0.5000 does not reach the target 0.5000004"),
        (0.499999996, Target(0.5), 0.1, "0.499999996 does not reach the target 0.5"),
        (1.0, Target(1.0), 0.1, "1.0000 reaches the target 1"),
    ],
)
def test_digits_of_metric_and_target_agree_with_the_verdict(top1, target, majority, expected):
    explanation = judge([evaluation(9, top1, majority=majority)], target, 9).explanation
    explanation = explanation.replace("on 1,000 images after 9 steps ", "")
    assert expected in explanation
    found, goal = (float(number) for number in re.findall(r"\d\.\d+|(?<=target )\d", explanation))
    assert (found >= goal) == ("does not" not in explanation)


def test_digits_of_a_loss():
    explanation = judge([{**evaluation(9, 0.5), "loss": 1.00003}], Target(1.0, "loss"), 9).explanation
    assert "loss 1.00003 on 1,000 images after 9 steps does not reach the target 1" in explanation


def test_a_non_finite_loss_ends_the_run(dataset, tmp_path):
    wild = {"schedule": ConstantRate(1e6), "budget.evaluate_every": 0.05}
    wild = RECIPE.override({**wild, "model": Model("mlp"), "initialization.exceptions": {}})
    result = zoo.fit(wild, tmp_path / "run", dataset=dataset)
    verdict = result.verdict
    assert not verdict.converged and verdict.value is None and result.metrics == {}
    assert f"diverged: at step {verdict.steps + 1}, with learning rate 1e+06" in verdict.explanation
    assert "first non-finite value: the " in verdict.explanation and 1 <= verdict.steps < 12
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(result.variables))
    assert (tmp_path / "run" / "checkpoints" / str(verdict.steps)).exists()
    assert json.loads((tmp_path / "run" / "verdict.json").read_text())["explanation"] == verdict.explanation


@pytest.fixture(scope="module")
def situation(recipe, dataset):
    """(experiment, state, constants, batch), the arguments of `first_non_finite`."""
    experiment = prepare(recipe, dataset)
    batch = next(training_batches(experiment.train_pipeline, 16, seed=0))
    constants = experiment.constants(experiment.train_pipeline)
    return experiment, experiment.initial_state(0), constants, parallel.shard_batch(batch, experiment.mesh)


@pytest.mark.parametrize(
    ("layer", "value", "expected"),
    [
        ("conv3", jnp.nan, "the parameters of conv3"),
        ("conv4", 3e38, "the output of conv4"),
        ("fc7", jnp.inf, "the parameters of fc7"),
    ],
)
def test_the_first_non_finite_layer_is_found(situation, layer, value, expected):
    experiment, state, constants, batch = situation
    broken = jax.tree.map(lambda leaf: leaf, state.params)
    broken[layer] = {**broken[layer], "kernel": jnp.full_like(broken[layer]["kernel"], value)}
    assert first_non_finite(experiment, state.replace(params=broken), constants, batch) == expected


@pytest.mark.slow
def test_non_finite_inputs_and_gradients_are_found(situation, recipe, dataset):
    experiment, state, constants, batch = situation
    broken = constants._replace(statistics=constants.statistics._replace(scale=jnp.zeros(1)))
    assert first_non_finite(experiment, state, broken, batch) == "the network's input"

    class RootOfZero(nn.Module):
        @nn.compact
        def __call__(self, images, train=False):
            x = nn.Dense(10, kernel_init=nn.initializers.zeros, name="inner")(images.mean((1, 2)))
            return nn.Dense(10, name="outer")(jnp.sqrt(jnp.abs(x)))

    own = recipe.override({"initialization": Initialization()})
    experiment = prepare(own, dataset, model=RootOfZero())
    assert first_non_finite(experiment, experiment.initial_state(0), constants, batch) == "the gradient of inner"
    verdict = zoo.fit(own, dataset=dataset, model=RootOfZero()).verdict
    assert verdict.steps == 0 and "first non-finite value: the gradient of inner" in verdict.explanation
