"""Tests of the checks of the compiled step: they pass for correct steps, and each fails for mistakes of its kind."""

import dataclasses
from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from examples import tabular, tiny_dataset

import zoo.training.evaluation
import zoo.training.experiment
import zoo.training.loop
import zoo.training.prepare.data
import zoo.training.step.objective
import zoo.training.step.step
from verification.check import Group
from verification.fingerprint import differences, trace
from verification.step import check_step
from verification.step.devices import check_devices
from verification.step.evaluation import check_evaluation
from verification.step.forward import check_forward
from verification.step.gradient import check_gradient
from verification.step.inputs import Reader, check_inputs
from verification.step.loss import check_loss
from verification.step.order import check_order
from verification.step.probe import Probe, generic_state
from verification.step.run import check_run
from verification.step.specification import Specification
from verification.step.statistics import check_statistics
from verification.step.update import check_update
from zoo import parallel
from zoo.data import pipeline as pipelines
from zoo.data.sources import open_data
from zoo.layers.normalization import BatchNorm
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step import forward, inputs
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.state import TrainState

GROUP = Group("small", "step")


class Network(nn.Module):
    """A convolution, batch normalization, a max pool, dropout and a linear layer."""

    classes: int = 10
    factor: float = 1.0  # of the gradient of the convolution's kernel

    @nn.compact
    def __call__(self, x, train):
        x = scaled_gradient(nn.Conv(8, (3, 3), strides=2, name="conv")(x), self.factor)
        x = nn.relu(BatchNorm(use_running_average=not train, name="bn")(x))
        x = nn.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        x = nn.Dropout(0.25, deterministic=not train, name="dropout")(x)
        return nn.Dense(self.classes, name="fc")(x)


def scaled_gradient(x, factor):
    return factor * x + (1 - factor) * jax.lax.stop_gradient(x)


def images(**changes):
    """Returns a recipe for small images, with a transform and an optimizer that can go wrong."""
    augmentation = Augmentation((HorizontalFlip(), Normalize()), (Normalize(),))
    options = {"augmentation": augmentation, "normalization": ChannelMeanStd(), "schedule": Cosine(0.05, warmup=0.1)}
    penalties = Regularization(weight_decay=1e-3, decayed=("*/kernel",))
    return tabular("fashion_mnist", model=Model("lenet5"), regularization=penalties, **options).override(changes)


def prepared(recipe=None, model=None, dataset=None):
    return prepare(recipe or images(), dataset or tiny_dataset(), model=model or Network(), mesh=one_device())


def one_device():
    return parallel.make_mesh(jax.devices()[:1])


@pytest.fixture(scope="module")
def experiment():
    return prepared()


def failed(checks):
    """Returns the details of failed checks by name."""
    return {check.name: check.detail for check in checks if check.status == "fail"}


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


@pytest.mark.parametrize("factor", [0.9, 0.5])
def test_a_wrong_gradient_of_one_layer_is_found(factor):
    assert "conv/kernel" in gradient_of(prepared(model=Network(factor=factor)))["gradient"]


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
TABLE = tabular("synthetic:random_10", schedule=Cosine(0.01, warmup=0.1), budget__steps=50)


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


def test_augmented_evaluation_is_found(experiment):
    flipped = dataclasses.replace(experiment.eval_pipeline, transforms=experiment.train_pipeline.transforms)
    assert evaluation_of(dataclasses.replace(experiment, eval_pipeline=flipped)).status == "fail"


def test_a_loss_of_clipped_probabilities_is_found(experiment):
    """1e-7 is Keras's: only confident predictions show it."""

    def clipped(loss, logits, targets):
        return -(targets * jnp.log(jnp.clip(jax.nn.softmax(logits), 1e-7))).sum(-1)

    assert check_loss(GROUP, Reader(dataclasses.replace(experiment))).status == "pass"
    with mock.patch.object(zoo.training.step.objective, "example_losses", clipped):
        assert check_loss(GROUP, Reader(dataclasses.replace(experiment))).status == "fail"


def test_orders_that_repeat_are_found(experiment):
    right = pipelines.training_order
    for wrong in (
        lambda pipeline, size, seed, host=0, hosts=1: right(pipeline, size, 0, host, hosts),
        lambda pipeline, size, seed, host=0, hosts=1: right(pipeline, size, seed, 0, hosts),
    ):
        with mock.patch.object(pipelines, "training_order", wrong):
            assert check_order(GROUP, experiment).status == "fail"


@pytest.mark.skipif(len(jax.devices()) < 2, reason="needs two devices")
def test_gradients_summed_over_devices_are_found(experiment):
    right = parallel.sum_over_devices

    def summed(tree):
        total = right(tree)
        if not isinstance(tree, tuple) or len(tree) != 3:
            return total
        return jax.tree.map(lambda leaf: leaf * jax.lax.axis_size(parallel.AXIS), total[0]), *total[1:]

    probe = Probe(experiment)
    state, batch = generic_state(probe.initial_state(1), 0), probe.batches(1, 1)[0]
    with mock.patch.object(parallel, "sum_over_devices", summed):
        assert check_devices(GROUP, probe, state, batch).status == "fail"


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
