"""Tests of the checks of the compiled step: they pass for correct steps, and each fails for mistakes of its kind."""

import dataclasses
from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util
from small_step import GROUP, TABLE, Network, failed, images, one_device, prepared, scaled_gradient

import zoo.training.evaluation
import zoo.training.experiment
import zoo.training.loop
import zoo.training.prepare.data
import zoo.training.step.objective
import zoo.training.step.step
from verification.faults import inject
from verification.step import check_step
from verification.step.forward import check_forward
from verification.step.gradient import check_gradient, draw, measure
from verification.step.inputs import Reader, check_inputs
from verification.step.loss import check_loss
from verification.step.probe import Probe, generic_state
from verification.step.specification import Specification
from verification.step.statistics import check_statistics
from verification.step.update import check_update
from zoo.catalog import load_recipe
from zoo.data.sources import open_data
from zoo.layers.normalization import BatchNorm
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step import forward, inputs
from zoo.training.step.optimizer import make_optimizer


@pytest.fixture(scope="module")
def experiment():
    return prepared()


def test_correct_steps_pass(experiment):
    checks = list(check_step("small", experiment, Probe(experiment), 3))
    assert not failed(checks)
    assert {check.name for check in checks} == {
        "statistics", "order", "inputs", "loss", "seeds", "forward", "update", "gradient", "devices", "evaluation",
        "run", "resuming",
    }  # fmt: skip


def forward_of(experiment):
    probe = Probe(experiment)
    state = generic_state(probe.initial_state(1), 0)
    batches = probe.batches(1, 2)
    states = [state, state.replace(step=np.int32(7))]
    return failed(check_forward(GROUP, probe, Specification(experiment), states, batches))


def gradient_of(experiment):
    probe = Probe(experiment)
    state, batch = generic_state(probe.initial_state(1), 0), probe.batches(1, 1)[0]
    return failed(check_gradient(GROUP, probe, state, batch, probe.step(state, batch), 0))


def update_of(experiment):
    probe = Probe(experiment)
    return failed(check_update(GROUP, probe, probe.initial_state(1), probe.batches(1, 4)))


def test_losses_of_several_parameters_are_those_of_single_steps(experiment):
    """In which the optimizer's state is not that of the step before."""
    probe = Probe(experiment)
    batch, states = probe.batches(1, 1)[0], [generic_state(probe.initial_state(1), seed) for seed in range(3)]
    alone = [probe.loss(state, batch) for state in states]
    params = [traverse_util.flatten_dict(dict(state.params), sep="/") for state in states]
    assert probe.losses(states[0], params, batch) == alone
    assert len(set(alone)) == 3


@pytest.mark.parametrize("factor", [0.9, 0.5])
def test_a_wrong_gradient_of_one_layer_is_found(factor):
    assert "conv/kernel" in gradient_of(prepared(model=Network(factor=factor)))["gradient"]


def test_a_wrong_gradient_is_found_among_several_parameters():
    """All six parameters are moved together; the one at fault is then named."""
    experiment = prepared(model=Network(factor=0.9))
    probe = Probe(experiment)
    state, batch = generic_state(probe.initial_state(1), 0), probe.batches(1, 1)[0]
    (check,) = check_gradient(GROUP, probe, state, batch, probe.step(state, batch), 0, groups_of_all=1)
    assert "conv/kernel: the derivative along each parameter's gradient" in check.detail


@pytest.mark.parametrize("kind", ["whole", "own", "random"])
def test_moves_that_rounding_swallows_show_nothing(experiment, kind):
    probe = Probe(experiment)
    state, batch = generic_state(probe.initial_state(1), 0), probe.batches(1, 1)[0]
    outcome, params = probe.step(state, batch), traverse_util.flatten_dict(dict(state.params), sep="/")
    direction = draw(kind, list(params), params, outcome, np.random.default_rng(0))
    assert np.isfinite(measure(probe, state, batch, direction, outcome).found)
    tiny = direction._replace(moves={path: np.float32(1e-9) * move for path, move in direction.moves.items()})
    assert measure(probe, state, batch, tiny, outcome).found == np.inf


def test_a_gradient_scaled_as_a_whole_is_found(experiment):
    """By 5 %, in the backward pass of the loss only."""
    right = zoo.training.step.step.sums_of_outputs

    def wrong(outputs, *others):
        return right(scaled_gradient(outputs, 1.05), *others)

    with mock.patch.object(zoo.training.step.step, "sums_of_outputs", wrong):
        assert "along the gradient" in gradient_of(dataclasses.replace(experiment))["gradient"]


def without_dropout(position):
    return lambda next_function, args, kwargs, context: (
        args[0] if isinstance(context.module, nn.Dropout) else next_function(*args, **kwargs)
    )


def same_keys(state):
    return tuple(jax.random.split(jax.random.key(state.seed)))


INPUTS_AND_LABELS = inputs.inputs_and_labels


def one_key_for_all(transforms, constants, batch, key):
    return INPUTS_AND_LABELS(transforms, constants, batch._replace(position=0 * batch.position), key)


@pytest.mark.parametrize(
    ("module", "name", "wrong", "check"),
    [
        (forward, "dropout_by_position", without_dropout, forward_of),
        (zoo.training.step.step, "step_keys", same_keys, forward_of),
    ],
    ids=["no dropout", "the same keys in each step"],
)
def test_wrong_forward_passes_are_found(experiment, module, name, wrong, check):
    with mock.patch.object(module, name, wrong):
        assert "loss differs" in check(dataclasses.replace(experiment))["forward"]


def test_wrong_running_statistics_are_found(experiment):
    model = Network()
    right = BatchNorm.__call__

    def rounded(self, x):
        y = right(self, x)
        if not self.use_running_average and not self.is_initializing():
            for name in ("mean", "var"):
                value = self.get_variable("batch_stats", name)
                self.put_variable("batch_stats", name, value.astype(jnp.bfloat16).astype(jnp.float32))
        return y

    with mock.patch.object(BatchNorm, "__call__", rounded):
        assert "moving average" in forward_of(prepared(model=model))["forward"]


@pytest.mark.parametrize(
    ("name", "wrong", "found"),
    [
        ("step_keys", same_keys, "augmentation is the same in step 2"),
        ("inputs_and_labels", one_key_for_all, "inputs differ"),
    ],
)
def test_reused_keys_are_found(experiment, name, wrong, found):
    module = zoo.training.step.step if name == "step_keys" else inputs
    with mock.patch.object(module, name, wrong):
        check = check_inputs(GROUP, Reader(dataclasses.replace(experiment)))
    assert check.status == "fail" and found in check.detail


def test_transforms_with_one_key_or_another_normalization_are_found():
    """In transforms themselves, which the expected inputs must not share."""
    experiment = prepared(images(**{"augmentation.train": (HorizontalFlip(), VerticalFlip(), Normalize())}))
    assert check_inputs(GROUP, Reader(experiment)).status == "pass"
    for fault in ("one_key_for_all_transforms", "normalized_per_image"):
        with inject(fault):
            check = check_inputs(GROUP, Reader(dataclasses.replace(experiment)))
        assert check.status == "fail" and "inputs differ" in check.detail


@pytest.mark.parametrize("fault", ["variance_within_images", "second_moment_for_variance", "variance_momentum"])
def test_wrong_running_variances_are_found_where_a_batch_counts_little(fault):
    recipe = load_recipe("bn_cnn")  # a batch is 1 % of the statistics
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    assert not forward_of(experiment)
    with inject(fault):
        assert "bn1/var differs" in forward_of(experiment)["forward"]


def test_frozen_batch_normalization_is_that_of_evaluation(experiment):
    frozen = frozenset({"bn/scale", "bn/bias"})
    assert not forward_of(dataclasses.replace(experiment, frozen=frozen))


def test_training_inputs_without_augmentation_or_scale_are_found(experiment):
    plain = dataclasses.replace(experiment.train_pipeline, transforms=(Normalize(),))
    assert "inputs differ" in check_inputs(GROUP, Reader(dataclasses.replace(experiment, train_pipeline=plain))).detail
    scaled = experiment.statistics._replace(scale=1.2 * experiment.statistics.scale)
    check = check_statistics(GROUP, dataclasses.replace(experiment, statistics=scaled))
    assert (check.status == "fail" and "0.2" in check.detail) or "2.0e-01" in check.detail


def test_statistics_of_the_evaluation_split_are_found(experiment):
    right = zoo.training.prepare.data.measure_split

    def wrong(normalization, train, train_pipeline, eval_pipeline, on_progress):
        return right(normalization, eval_pipeline.split, eval_pipeline, eval_pipeline, on_progress)

    with mock.patch.object(zoo.training.prepare.data, "measure_split", wrong):
        assert check_statistics(GROUP, prepared()).status == "fail"


OPTIMIZERS = [
    SGD(), SGD(nesterov=True), SGD(momentum=0.0), SGD(rate_in_momentum=True), Adam(), AdamW(), LAMB(), Lion(),
    RMSprop(), RMSprop(rate_in_momentum=True, epsilon_in_root=True), Adadelta(), Adagrad(),
]  # fmt: skip
QUICK = (SGD(nesterov=True), LAMB(), RMSprop(rate_in_momentum=True, epsilon_in_root=True))


@pytest.mark.parametrize(
    "optimizer",
    [pytest.param(each, id=repr(each), marks=() if each in QUICK else pytest.mark.slow) for each in OPTIMIZERS],
)
def test_updates_follow_their_closed_form(optimizer):
    """With clipping and penalties; and without either, or at another rate, they do not."""
    penalties = Regularization(weight_decay=0.01, l1=1e-4, decayed=("*/kernel",))
    recipe = TABLE.override({"optimizer": optimizer, "regularization": penalties, "clipping": ClipByNorm(0.1)})
    experiment = prepare(recipe, open_data(recipe.data), mesh=one_device())
    assert not update_of(experiment)
    rate = experiment.learning_rate
    wrong = {
        "decay x10": make_optimizer(optimizer, dataclasses.replace(penalties, weight_decay=0.1), rate, recipe.clipping),
        "no penalties": make_optimizer(optimizer, Regularization(), rate, recipe.clipping),
        "rate one step late": make_optimizer(optimizer, penalties, lambda step: rate(step - 1), recipe.clipping),
    }
    if not isinstance(optimizer, Adam | AdamW | LAMB | Lion | Adadelta):  # these hardly depend on the gradient's length
        wrong["no clipping"] = make_optimizer(optimizer, penalties, rate)
    for mistake, other in wrong.items():
        assert update_of(dataclasses.replace(experiment, optimizer=other)), mistake


def test_frozen_layers_are_found(experiment):
    def freeze(updates, state, params=None):
        return {**updates, "fc": jax.tree.map(jnp.zeros_like, updates["fc"])}, state

    frozen = optax.chain(experiment.optimizer, optax.GradientTransformation(lambda params: optax.EmptyState(), freeze))
    found = update_of(dataclasses.replace(experiment, optimizer=frozen))
    assert "fc/" in found["update"]


def test_a_loss_of_clipped_probabilities_is_found(experiment):
    """1e-7 is Keras's: only confident predictions show it."""

    def clipped(loss, logits, targets):
        return -(targets * jnp.log(jnp.clip(jax.nn.softmax(logits), 1e-7))).sum(-1)

    assert check_loss(GROUP, Reader(dataclasses.replace(experiment))).status == "pass"
    with mock.patch.object(zoo.training.step.objective, "example_losses", clipped):
        assert check_loss(GROUP, Reader(dataclasses.replace(experiment))).status == "fail"


@pytest.mark.parametrize("field", ["params", "batch_stats"])
def test_values_that_are_not_numbers_are_found(experiment, field):
    """NaN is neither above nor below a tolerance."""
    probe = Probe(experiment)
    right = probe.step

    def wrong(state, batch):
        outcome = right(state, batch)
        return outcome._replace(**{field: {path: np.nan * value for path, value in getattr(outcome, field).items()}})

    state, batches = probe.initial_state(1), probe.batches(1, 4)
    with mock.patch.object(probe, "step", wrong):
        if field == "params":
            assert failed(check_update(GROUP, probe, state, batches))
        else:
            assert failed(check_forward(GROUP, probe, Specification(experiment), [state], batches))
