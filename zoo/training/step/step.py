"""The per-device functions of a training step and an evaluation step; `zoo.parallel` maps them over devices."""

from collections.abc import Callable
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax

from zoo import parallel
from zoo.data import augment
from zoo.data.normalization import Array
from zoo.data.pipeline import Batch
from zoo.recipe import WeightAverage
from zoo.recipe.augmentation import Mixing, TenCrop, Transform
from zoo.recipe.loss import Loss
from zoo.training.step.forward import forward
from zoo.training.step.freezing import frozen_layers, keep_frozen_statistics
from zoo.training.step.inputs import Constants, inputs_and_labels, mixed_inputs, step_keys
from zoo.training.step.objective import (
    CROSS_ENTROPY,
    Objective,
    Sums,
    count_predictions,
    outcomes_of_examples,
    sums_of_outputs,
    sums_over_examples,
)
from zoo.training.step.state import TrainState
from zoo.training.step.weight_average import average_weights


def make_train_step(
    model: nn.Module,
    transforms: tuple[Transform, ...],
    optimizer: optax.GradientTransformation,
    learning_rate: Callable[[jax.Array], jax.Array],
    objective: Objective = CROSS_ENTROPY,
    *,
    accumulation: int = 1,
    mixing: Mixing | None = None,
    weight_average: WeightAverage | None = None,
    frozen: frozenset[str] = frozenset(),
) -> Callable[[TrainState, Constants, Batch], tuple[TrainState, dict[str, jax.Array]]]:
    """Makes the per-device function of a training step.

    Args:
      model: called as `model(images, train=True)`.
      transforms: transforms that run on the device, in order.
      optimizer: from `zoo.training.step.optimizer.make_optimizer`.
      learning_rate: the optimizer's learning rate as a function of the step, for the metrics.
      objective: the training objective.
      accumulation: number of micro-batches per step, whose gradients are accumulated.
      mixing: mixing of the examples, see `zoo.recipe.Augmentation`.
      weight_average: the average in `TrainState.average`; None for a state without.
      frozen: the parameters that are not trained; see `zoo.training.step.freezing`.

    Returns:
      A function (state, constants, this device's shard of the batch) -> (state, metrics). The metrics of the batch are
      `loss`, the accuracy `top1`, `grad_norm`, `learning_rate`, and `finite`: whether loss and gradient were finite.
    """

    def loss(params, batch_stats, part, constants, augment_key, dropout_key):
        images, labels, coefficient = mixed_inputs(transforms, mixing, constants, part, augment_key)
        outputs, batch_stats = forward(model, params, batch_stats, images, part.position, dropout_key, frozen=frozen)
        sums = sums_of_outputs(outputs, labels, part.weight, objective, coefficient)
        return sums.loss, (batch_stats, sums)

    def gradients(params, batch_stats, batch, constants, *keys):
        differentiate = jax.grad(loss, has_aux=True)
        if accumulation == 1:
            gradient, (batch_stats, sums) = differentiate(params, batch_stats, batch, constants, *keys)
            return gradient, batch_stats, sums

        def add(carry, part):
            gradient, batch_stats = carry
            more, (batch_stats, sums) = differentiate(params, batch_stats, part, constants, *keys)
            return (jax.tree.map(jnp.add, gradient, more), batch_stats), sums

        parts = jax.tree.map(lambda array: array.reshape(accumulation, -1, *array.shape[1:]), batch)
        start = (jax.tree.map(jnp.zeros_like, params), batch_stats)
        (gradient, batch_stats), sums = lax.scan(add, start, parts)
        return gradient, batch_stats, jax.tree.map(lambda of_parts: of_parts.sum(0), sums)

    def update(state, batch_stats, gradient, count):
        gradient = jax.tree.map(lambda total: total / count, gradient)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params, rate_factor=state.rate_factor)
        changed = state.replace(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            batch_stats=batch_stats,
            opt_state=opt_state,
        )
        if weight_average is not None:
            average = average_weights(weight_average, state.average, changed.variables, changed.step)
            changed = changed.replace(average=average)
        return changed

    def mark_failed(state, *_):
        return state.replace(failed=jnp.ones_like(state.failed))

    def train_step(state, constants, batch):
        keys = step_keys(state)
        params, batch_stats = parallel.varying((state.params, state.batch_stats))
        gradient, batch_stats, sums = gradients(params, batch_stats, batch, constants, *keys)
        fraction = 1 / lax.axis_size(parallel.AXIS)
        batch_stats = jax.tree.map(lambda running: running * fraction, batch_stats)
        gradient, batch_stats, sums = parallel.sum_over_devices((gradient, batch_stats, sums))
        batch_stats = keep_frozen_statistics(batch_stats, state.batch_stats, frozen_layers(frozen, state.params))

        count = jnp.maximum(sums.count.sum(), 1)
        grad_norm = optax.tree.norm(gradient) / count
        finite = jnp.isfinite(sums.loss) & jnp.isfinite(grad_norm) & ~state.failed
        # `cond` rather than `where`, for which XLA would first copy the whole state.
        new_state = lax.cond(finite, update, mark_failed, state, batch_stats, gradient, count)
        metrics = {
            "loss": sums.loss / count,
            "top1": sums.correct.sum() / count,
            "grad_norm": grad_norm,
            "learning_rate": learning_rate(state.step) * (1.0 if state.rate_factor is None else state.rate_factor),
            "finite": finite,
        }
        return new_state, metrics

    return train_step


def several_steps(train_step: Callable) -> Callable:
    """Makes the per-device function of several consecutive training steps from that of one step.

    Returns:
      A function (state, constants, batches) -> (state, metrics). The arrays of `batches` and of the metrics have a
      leading axis of steps.
    """

    def train_steps(state, constants, batches):
        return lax.scan(lambda state, batch: train_step(state, constants, batch), state, batches)

    return train_steps


def logits_and_labels(
    model: nn.Module,
    transforms: tuple[Transform, ...],
    variables: dict[str, Any],
    constants: Constants,
    batch: Batch,
) -> tuple[jax.Array, Array]:
    """Returns the logits [n, K] and the labels, int32 [n], of a batch in evaluation and prediction.

    Args:
      model, transforms: as for `make_train_step`; the transforms are those of evaluation, which are not random.
      variables: {"params": ..., "batch_stats": ...}.
      constants, batch: see `inputs_and_labels`.
    """
    images, labels = inputs_and_labels(transforms, constants, batch, jax.random.key(0))
    logits = cast(jax.Array, model.apply(variables, images.reshape(-1, *images.shape[-3:]), train=False))
    if isinstance(transforms[-1], TenCrop):
        logits = augment.average_views(transforms[-1], logits.reshape(len(labels), -1, logits.shape[-1]))
    return logits, labels


def make_eval_step(
    model: nn.Module, transforms: tuple[Transform, ...], loss: Loss = CROSS_ENTROPY.loss
) -> Callable[[dict[str, Any], Constants, Batch], Sums]:
    """Makes the per-device function of an evaluation step, (variables, constants, batch) -> `Sums` over all devices."""

    def eval_step(variables, constants, batch):
        logits, labels = logits_and_labels(model, transforms, variables, constants, batch)
        targets = augment.soft_targets(labels, None, logits.shape[-1])
        sums = sums_over_examples(logits, targets, batch.weight, Objective(loss))
        counts = count_predictions(logits, labels, batch.weight)
        outcomes = outcomes_of_examples(logits, labels, batch, loss)
        return parallel.sum_over_devices(sums._replace(**counts, outcomes=outcomes))

    return eval_step
