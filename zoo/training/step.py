"""The per-device bodies of a training and of an evaluation step; `zoo.parallel` runs them on all devices."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax

from zoo import parallel
from zoo.data import augment
from zoo.data.augment import Statistics
from zoo.data.loader import Batch
from zoo.recipe.augmentation import Transform
from zoo.training.state import TrainState


class Constants(NamedTuple):
    """What is the same in every step.

    Attributes:
      statistics: of the training images.
      images, labels: the split, if it is resident on the device: uint8 [N, H, W, C] and int32 [N]; else None.
    """

    statistics: Statistics
    images: jax.Array | None
    labels: jax.Array | None


class Sums(NamedTuple):
    """Sums over examples, float32.

    Attributes:
      loss: of their losses, a scalar.
      correct: the number of right answers by class, [K].
      count: their number by class, [K].
    """

    loss: jax.Array
    correct: jax.Array
    count: jax.Array


def make_train_step(
    model: nn.Module,
    transforms: tuple[Transform, ...],
    optimizer: optax.GradientTransformation,
    learning_rate: Callable[[jax.Array], jax.Array],
    label_smoothing: float = 0.0,
    accumulation: int = 1,
) -> Callable[[TrainState, Constants, Batch], tuple[TrainState, dict[str, jax.Array]]]:
    """Makes the per-device body of a training step.

    Args:
      model: called as `model(images, train=True)`.
      transforms: for the device, in order.
      optimizer: from `zoo.optimizer.make_optimizer`.
      learning_rate: what it uses at a step, to report it.
      label_smoothing: see `zoo.recipe.Regularization`.
      accumulation: the batch is cut into this many parts, whose gradients are added up one after the other.

    Returns:
      A function (state, constants, this device's part of the batch) -> (state, metrics); the metrics are the loss and
      the accuracy `top1` of the batch, `grad_norm`, `learning_rate`, and whether all of it was `finite`.
    """

    def loss(params, batch_stats, part, constants, augment_key, dropout_key):
        images, labels = inputs_and_labels(transforms, constants, part, augment_key)
        variables = {"params": params, **({"batch_stats": batch_stats} if batch_stats else {})}
        with nn.intercept_methods(dropout_by_position(part.position)):
            logits, changed = model.apply(
                variables, images, train=True, rngs={"dropout": dropout_key}, mutable=["batch_stats"]
            )
        sums = sums_over_examples(logits, labels, part.weight, label_smoothing)
        return sums.loss, (changed.get("batch_stats", {}), sums)

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

    def update(params, opt_state, sums, count):
        gradient = jax.tree.map(lambda sum: sum / count, sums)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    def leave(params, opt_state, *_):
        return params, opt_state

    def train_step(state, constants, batch):
        keys = step_keys(state)
        params, batch_stats = parallel.varying((state.params, state.batch_stats))
        gradient, batch_stats, sums = gradients(params, batch_stats, batch, constants, *keys)
        share = 1 / lax.axis_size(parallel.AXIS)
        batch_stats = jax.tree.map(lambda moving: moving * share, batch_stats)
        gradient, batch_stats, sums = parallel.sum_over_devices((gradient, batch_stats, sums))

        count = jnp.maximum(sums.count.sum(), 1)
        grad_norm = optax.tree.norm(gradient) / count
        finite = jnp.isfinite(sums.loss) & jnp.isfinite(grad_norm) & ~state.failed
        # A branch, and not a choice between new and old values: for those XLA would copy the whole state first.
        params, opt_state = lax.cond(finite, update, leave, state.params, state.opt_state, gradient, count)
        new_state = state.replace(
            step=state.step + finite,
            params=params,
            opt_state=opt_state,
            batch_stats=jax.tree.map(lambda new, old: jnp.where(finite, new, old), batch_stats, state.batch_stats),
            failed=~finite,
        )
        metrics = {
            "loss": sums.loss / count,
            "top1": sums.correct.sum() / count,
            "grad_norm": grad_norm,
            "learning_rate": learning_rate(state.step),
            "finite": finite,
        }
        return new_state, metrics

    return train_step


def make_eval_step(
    model: nn.Module, transforms: tuple[Transform, ...]
) -> Callable[[dict[str, Any], Constants, Batch], Sums]:
    """Makes the per-device body of an evaluation step: (variables, constants, batch) -> sums over all devices."""

    def eval_step(variables, constants, batch):
        images, labels = inputs_and_labels(transforms, constants, batch, jax.random.key(0))
        logits = model.apply(variables, images, train=False)
        return parallel.sum_over_devices(sums_over_examples(logits, labels, batch.weight))

    return eval_step


def step_keys(state: TrainState) -> tuple[jax.Array, jax.Array]:
    """The keys of a step's augmentation and of its dropout: nothing is carried along, so resuming is exact."""
    augment_key, dropout_key = jax.random.split(jax.random.fold_in(jax.random.key(state.seed), state.step))
    return augment_key, dropout_key


def inputs_and_labels(
    transforms: tuple[Transform, ...], constants: Constants, batch: Batch, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """What the network is fed, float32 [n, H, W, C], and the labels; each example's key follows from its position."""
    resident = constants.images is not None
    images = constants.images[batch.index] if resident else batch.image
    labels = constants.labels[batch.index] if resident else batch.label
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, batch.position)
    transform = functools.partial(augment.apply, transforms)
    return jax.vmap(transform, (0, 0, None))(images, keys, constants.statistics), labels


def sums_over_examples(logits: jax.Array, labels: jax.Array, weight: jax.Array, label_smoothing: float = 0.0) -> Sums:
    """Softmax cross-entropy and right answers of logits [n, K], summed over the examples that have weight 1."""
    # A place that only fills the batch up must not count, nor its gradient, even if its logits are not finite.
    logits = jnp.where(weight[:, None] > 0, logits.astype(jnp.float32), 0.0)
    classes = jax.nn.one_hot(labels, logits.shape[-1])
    losses = optax.softmax_cross_entropy(logits, optax.smooth_labels(classes, label_smoothing))
    correct = jnp.argmax(logits, axis=-1) == labels
    return Sums(losses @ weight, (correct * weight) @ classes, weight @ classes)


def dropout_by_position(position: jax.Array) -> Callable:
    """An interceptor that makes every `nn.Dropout` draw each example's mask from the example's own key.

    Flax draws one mask for the batch at hand, so that the masks would depend on the number of devices and of parts.

    Args:
      position: int32 [n], the examples' places in the global batch.
    """

    def intercept(next_function, args, kwargs, context):
        module = context.module
        if not isinstance(module, nn.Dropout) or context.method_name != "__call__":
            return next_function(*args, **kwargs)
        called = inspect.signature(nn.Dropout.__call__).bind(module, *args, **kwargs).arguments
        deterministic = nn.merge_param("deterministic", module.deterministic, called.get("deterministic"))
        if deterministic or module.rate == 0.0 or "rng" in called:
            return next_function(*args, **kwargs)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(module.make_rng(module.rng_collection), position)

        def one(example, key):
            told = {} if module.deterministic is not None else {"deterministic": False}
            return next_function(example[None], rng=key, **told)[0]

        return jax.vmap(one)(called["inputs"], keys)

    return intercept
