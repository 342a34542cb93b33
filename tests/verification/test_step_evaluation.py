"""Tests of the checks of evaluation, of the order of examples, of the loop around the steps and of its first steps."""

import dataclasses
from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_step import GROUP, TABLE, failed, images, one_device, prepared

import zoo.training.evaluation
import zoo.training.experiment
import zoo.training.loop
import zoo.training.step.step
from verification import SEED
from verification.faults import inject
from verification.fingerprint import differences, trace
from verification.step.evaluation import check_evaluation
from verification.step.order import check_order
from verification.step.probe import Probe, generic_state
from verification.step.run import check_run
from verification.step.specification import Specification
from zoo.catalog import load_recipe
from zoo.data import pipeline as pipelines
from zoo.data.sources import open_data
from zoo.layers.normalization import BatchNorm
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.state import TrainState


@pytest.fixture(scope="module")
def experiment():
    return prepared()


def evaluation_of(experiment):
    state = generic_state(Probe(experiment).initial_state(1), 0)
    return check_evaluation(GROUP, experiment, Specification(experiment), state)


def by_batch_statistics(next_function, args, kwargs, context):
    if not isinstance(context.module, BatchNorm):
        return next_function(*args, **kwargs)
    x, layer = args[0], context.module
    return (x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) * layer.get_variable("params", "scale")


def test_evaluation_by_batch_statistics_is_found(experiment):
    right = zoo.training.experiment.make_eval_step

    def wrong(*arguments):
        step = right(*arguments)

        def of_batch(*inputs):
            with nn.intercept_methods(by_batch_statistics):
                return step(*inputs)

        return of_batch

    with mock.patch.object(zoo.training.experiment, "make_eval_step", wrong):
        check = evaluation_of(dataclasses.replace(experiment))
    assert check.status == "fail" and "the loss is" in check.detail


def test_evaluations_that_drop_or_count_too_many_examples_are_found(experiment):
    right = zoo.training.evaluation.evaluation_batches

    def dropped(*arguments, **options):
        batches = list(right(*arguments, **options))
        return iter(batches[:-1] or batches)

    def padded(*arguments, **options):
        return (batch._replace(weight=np.ones_like(batch.weight)) for batch in right(*arguments, **options))

    for wrong in (dropped, padded):
        with mock.patch.object(zoo.training.evaluation, "evaluation_batches", wrong):
            check = evaluation_of(experiment)
        assert check.status == "fail" and "examples were counted" in check.detail


@pytest.mark.parametrize(("fault", "metric"), [("top6_for_top5", "top5"), ("confusion_transposed", "confusion")])
def test_wrong_counts_of_an_evaluation_are_found(experiment, fault, metric):
    with inject(fault):
        check = evaluation_of(dataclasses.replace(experiment))
    assert check.status == "fail" and metric in check.detail


def test_an_evaluation_of_a_part_of_the_split_is_found():
    """Of more examples than are evaluated one by one."""
    right = zoo.training.evaluation.evaluation_batches

    def wrong(pipeline, size, indices=None, **options):
        return right(pipeline, size, np.arange(min(len(pipeline.split), 3000)), **options)

    experiment = prepared(dataset=open_data(Data("fashion_mnist")))
    with mock.patch.object(zoo.training.evaluation, "evaluation_batches", wrong):
        check = evaluation_of(experiment)
    assert check.status == "fail" and check.detail == "of the whole split, 3000 examples are counted, there are 10000"


def test_a_final_evaluation_of_fewer_examples_is_found():
    experiment = prepared(images(**{"budget.interim_examples": 500}))
    assert not failed(check_run(GROUP, experiment, 1))
    with inject("final_evaluation_of_interim_examples"):
        assert "examples were counted" in failed(check_run(GROUP, experiment, 1))["run"]


@pytest.mark.parametrize("fault", ["evaluations_at_other_steps", "interim_examples", "resumed_with_evaluation"])
def test_records_of_other_evaluations_are_found(fault):
    experiment = prepared(images(**{"budget.interim_examples": 500}))
    with inject(fault):
        assert failed(check_run(GROUP, experiment, 1))


def test_evaluations_of_the_first_held_out_examples_are_found():
    recipe = load_recipe("bn_cnn")
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    with inject("interim_examples"):
        assert "in the evaluation after step" in failed(check_run(GROUP, experiment, SEED))["run"]


@pytest.mark.skipif(len(jax.devices()) < 2, reason="needs two devices; the test of the matrix has them")
def test_predictions_in_the_order_of_other_devices_are_found(experiment):
    with inject("outcomes_of_devices_exchanged"):
        check = evaluation_of(dataclasses.replace(experiment))
    assert check.status == "fail" and "not in the order" in check.detail


def test_predictions_of_other_examples_are_found(experiment):
    right = zoo.training.step.step.outcomes_of_examples
    for column, message in ((2, "predictions"), (3, "losses"), (4, "probabilities"), (5, "probabilities")):

        def wrong(*arguments, column=column):
            rows = right(*arguments)
            return rows.at[:, column].set(jnp.roll(rows[:, column], 1))

        with mock.patch.object(zoo.training.step.step, "outcomes_of_examples", wrong):
            check = evaluation_of(dataclasses.replace(experiment))
        assert check.status == "fail" and message in check.detail


def test_augmented_evaluation_is_found(experiment):
    flipped = dataclasses.replace(experiment.eval_pipeline, transforms=experiment.train_pipeline.transforms)
    assert evaluation_of(dataclasses.replace(experiment, eval_pipeline=flipped)).status == "fail"


def test_orders_that_repeat_are_found(experiment):
    right = pipelines.training_order
    for wrong in (
        lambda pipeline, size, seed, host=0, hosts=1: right(pipeline, size, 0, host, hosts),
        lambda pipeline, size, seed, host=0, hosts=1: right(pipeline, size, seed, 0, hosts),
    ):
        with mock.patch.object(pipelines, "training_order", wrong):
            assert check_order(GROUP, experiment).status == "fail"


@pytest.mark.parametrize("fault", ["epochs_rotated", "order_cycle", "half_epochs", "windows_sorted_by_class"])
def test_orders_with_the_same_neighbours_or_that_begin_again_are_found(fault):
    recipe = load_recipe("mlp" if fault != "order_cycle" else "lenet5")
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    assert check_order(GROUP, experiment).status == "pass"
    with inject(fault):
        assert check_order(GROUP, experiment).status == "fail"


@pytest.mark.parametrize("mistake", ["stale weights", "average ignored", "resumed without momentum"])
def test_mistakes_of_the_loop_are_found(mistake):
    recipe = TABLE.override({"weight_average": WeightAverage(0.9)})
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    if mistake == "average ignored":
        patch = mock.patch.object(TrainState, "evaluated", property(lambda state: state.variables))
    elif mistake == "stale weights":
        right = zoo.training.loop.Loop.evaluate
        patch = mock.patch.object(
            zoo.training.loop.Loop, "evaluate", lambda loop, state, step: right(loop, _older(state), step) and state
        )
    else:
        from zoo.training.run.checkpoint import Checkpoints

        right = Checkpoints.restore

        def restore(*arguments):
            state = right(*arguments)
            return state and state.replace(opt_state=jax.tree.map(jnp.zeros_like, state.opt_state))

        patch = mock.patch.object(Checkpoints, "restore", restore)
    assert not failed(check_run(GROUP, experiment, 1))
    with patch:
        found = failed(check_run(GROUP, experiment, 1))
    assert ("resuming" if "resumed" in mistake else "run") in found


DECISIONS = ["plateau_patience", "plateau_direction", "plateau_by_accuracy", "plateau_by_training_loss"]


@pytest.mark.parametrize("fault", DECISIONS)
def test_wrong_decisions_on_a_validation_split_are_found(fault):
    recipe = load_recipe("bn_cnn")
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    assert not failed(check_run(GROUP, experiment, SEED))
    with inject(fault):
        assert "the learning rate of step" in failed(check_run(GROUP, experiment, SEED))["run"]


@pytest.mark.parametrize("fault", ["resumed_without_best", "decisions_since_resuming"])
def test_resumed_runs_that_forget_what_was_decided_are_found(fault):
    recipe = load_recipe("verification.faults.bases.weighted")
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    with inject(fault):
        assert "resuming" in failed(check_run(GROUP, experiment, SEED))


def _older(state):
    return state.replace(average=jax.tree.map(lambda leaf: 0.9 * leaf, state.average))


def test_the_first_steps_show_a_change_of_one_percent_of_the_rate(experiment):
    base = trace(Probe(experiment))
    moved = trace(Probe(experiment), move=np.random.default_rng(0))
    steps, evaluations = differences(moved, base)
    assert steps.max() < 1e-4 and evaluations.max() < 1e-4
    faster = make_optimizer(
        experiment.recipe.optimizer,
        experiment.recipe.regularization,
        lambda step: 1.01 * experiment.learning_rate(step),
    )
    changed, _ = differences(trace(Probe(dataclasses.replace(experiment, optimizer=faster))), base)
    assert changed[-1, 0] > 10 * steps[-1, 0]
