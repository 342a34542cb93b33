"""`steps_per_execution`: several training steps in one program give the same results as single steps."""

import json
import math

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from examples import tabular, tiny_dataset
from flax import traverse_util
from tiny import RECIPE

import zoo
from verification.accelerator.determinism import SignalAt
from zoo.errors import TrainingInterrupted, ZooError
from zoo.recipe import ConstantRate, EarlyStopping, Initialization, RandomResizedCrop, ReduceOnPlateau
from zoo.training.execution import steps_at_once
from zoo.training.tracking import Tracker


def programs(total, every, most, first=0):
    """Returns the number of steps of each program of a run."""
    evaluations, step, found = [*range(every, total, every), total], first, []
    while step < total:
        found.append(steps_at_once(step, evaluations, most))
        step += found[-1]
    return found


def test_programs_start_at_evaluations():
    assert programs(12, 3, 1) == [1] * 12
    assert programs(12, 3, 0) == [3] * 4
    assert programs(11, 4, 0) == [4, 4, 3]
    assert programs(11, 4, 3) == [3, 1, 3, 1, 3]
    assert programs(11, 4, 100) == [4, 4, 3]
    assert programs(5, 5, 0) == [5]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 5, 7])
def test_a_resumed_run_has_the_programs_of_an_uninterrupted_run(most):
    whole = programs(50, 11, most)
    ends = np.cumsum(whole)
    assert ends[-1] == 50
    for place, end in enumerate(ends[:-1]):
        assert programs(50, 11, most, first=int(end)) == whole[place + 1 :]
    # A run that was started with another `most` may resume inside a program, and is aligned again after it.
    for first in range(50):
        assert set(np.cumsum(programs(50, 11, most, first)) + first) <= {*ends.tolist()}


def losses(result, kind="train"):
    return [record["loss"] for record in result.history if record["kind"] == kind]


@pytest.fixture(scope="module")
def single_steps():
    return zoo.fit(RECIPE, dataset=tiny_dataset())


@pytest.mark.parametrize("steps", [0, 2, 3])
def test_programs_of_several_steps_match_single_steps(single_steps, steps):
    result = zoo.fit(RECIPE, dataset=tiny_dataset(), steps_per_execution=steps)
    assert [(each["kind"], each["step"]) for each in result.history] == [
        (each["kind"], each["step"]) for each in single_steps.history
    ]
    for kind in ("train", "eval"):
        np.testing.assert_allclose(losses(result, kind), losses(single_steps, kind), rtol=1e-5)
    ours, theirs = (traverse_util.flatten_dict(run.variables, sep="/") for run in (result, single_steps))
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5, err_msg=name)
    assert all(
        "images_per_second" in record for record in result.history if record["step"] > 1 and "grad_norm" in record
    )


@pytest.mark.parametrize("steps", [0, 2])
def test_an_interrupted_run_resumes_bit_identically(tmp_path, steps):
    def run(folder, trackers=()):
        return zoo.fit(RECIPE, tmp_path / folder, dataset=tiny_dataset(), steps_per_execution=steps, trackers=trackers)

    whole = run("whole")
    with pytest.raises(TrainingInterrupted, match="the state is saved"):
        run("parts", [SignalAt(4)])
    parts = run("parts")
    assert losses(parts) == losses(whole) and losses(parts, "eval") == losses(whole, "eval")
    ours, theirs = (traverse_util.flatten_dict(run.variables, sep="/") for run in (parts, whole))
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    environment = json.loads((tmp_path / "parts" / "environment.json").read_text())
    assert environment["steps_per_execution"] == steps


def test_resuming_with_another_steps_per_execution_is_reported(tmp_path):
    class Notes(Tracker):
        def __init__(self):
            self.lines = []

        def note(self, text):
            self.lines.append(text)

    with pytest.raises(TrainingInterrupted):
        zoo.fit(RECIPE, tmp_path / "run", dataset=tiny_dataset(), trackers=[SignalAt(4)])
    notes = Notes()
    zoo.fit(RECIPE, tmp_path / "run", dataset=tiny_dataset(), steps_per_execution=3, trackers=[notes])
    assert any("environment changed" in line and "steps_per_execution 3 (was 1)" in line for line in notes.lines)


class Bursts(nn.Module):
    """A network whose outputs become infinite once its first layer has changed."""

    @nn.compact
    def __call__(self, images, train=False):
        x = nn.Dense(4, name="first", bias_init=nn.initializers.ones)(images.reshape(len(images), -1))
        x = nn.Dense(10, name="second")(x)
        return x + jnp.where(self.variables["params"]["first"]["bias"].sum() == 4.0, 0.0, jnp.inf)


@pytest.mark.parametrize("steps", [1, 0])
def test_a_non_finite_step_is_found_inside_a_program(steps):
    recipe = RECIPE.override({"schedule": ConstantRate(0.1), "initialization": Initialization()})
    result = zoo.fit(recipe, dataset=tiny_dataset(), model=Bursts(), steps_per_execution=steps)
    assert not result.verdict.converged
    assert "diverged: at step 2, with learning rate 0.1" in result.verdict.explanation
    assert "the output of the network" in result.verdict.explanation
    assert [record["step"] for record in result.history if record["kind"] == "train"] == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": ReduceOnPlateau(0.05, factor=0.5, patience=1)},
        {"early_stopping": EarlyStopping(patience=2)},
        {"budget.accumulation": 4},
        {"weight_average": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_decisions_of_evaluations_match_single_steps(changes):
    recipe = RECIPE.override(changes)
    one, several = (zoo.fit(recipe, dataset=tiny_dataset(), steps_per_execution=steps) for steps in (1, 0))
    rates = [[record["learning_rate"] for record in run.history if record["kind"] == "train"] for run in (one, several)]
    assert rates[0] == rates[1]
    np.testing.assert_allclose(losses(several), losses(one), rtol=1e-4)
    assert math.isclose(several.metrics["loss"], one.metrics["loss"], rel_tol=1e-4)


def test_programs_of_several_steps_with_tables():
    one, several = (zoo.fit(tabular(), steps_per_execution=steps) for steps in (1, 0))
    np.testing.assert_allclose(losses(several), losses(one), rtol=1e-5)


def test_streamed_images_are_an_error(image_folder):
    train = (RandomResizedCrop(32), *RECIPE.augmentation.train[1:])
    recipe = RECIPE.override({"data.source": f"folder:{image_folder}", "augmentation.train": train})
    with pytest.raises(ZooError, match="steps_per_execution is 0, but folder:.* is not resident on the devices"):
        zoo.fit(recipe, steps_per_execution=0)
