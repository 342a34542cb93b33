"""From a recipe to an optax transformation and a learning-rate function."""

import fnmatch
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

from zoo.recipe import SGD, ConstantRate, Cosine, MultiStep, Polynomial, Regularization
from zoo.recipe.optimization import Optimizer, Schedule


def learning_rate(schedule: Schedule, total_steps: int) -> Callable[[jax.Array], jax.Array]:
    """The learning rate as a function of the step, 0 ... total_steps - 1; float32 in, float32 out."""
    warmup_steps = schedule.warmup * total_steps

    def rate(step):
        step = jnp.asarray(step, jnp.float32)
        # The first step of a warm-up already moves: its rate is peak / warmup_steps, and the last one's is peak.
        rising = jnp.minimum((step + 1) / max(warmup_steps, 1), 1) if warmup_steps else 1.0
        progress = jnp.clip((step - warmup_steps) / (total_steps - warmup_steps), 0, 1)
        return schedule.peak * rising * _shape(schedule, progress, step, total_steps)

    return rate


@functools.singledispatch
def _shape(schedule: Schedule, progress, step, total_steps):
    """The schedule's fraction of its peak; `progress` is the part of the run after the warm-up that is done."""
    raise TypeError(type(schedule).__name__)


@_shape.register
def _constant(schedule: ConstantRate, progress, step, total_steps):
    return 1.0


@_shape.register
def _cosine(schedule: Cosine, progress, step, total_steps):
    return schedule.final + (1 - schedule.final) * (1 + jnp.cos(jnp.pi * progress)) / 2


@_shape.register
def _polynomial(schedule: Polynomial, progress, step, total_steps):
    return (1 - progress) ** schedule.power


@_shape.register
def _multi_step(schedule: MultiStep, progress, step, total_steps):
    # Whole steps, so that no rounding decides on which side of a boundary a step lies.
    boundaries = [round(boundary * total_steps) for boundary in schedule.boundaries]
    return schedule.factor ** sum(jnp.where(step >= boundary, 1.0, 0.0) for boundary in boundaries)


def decay_mask(regularization: Regularization, params: dict) -> dict:
    """True for each parameter that decays, in the structure of `params`."""
    return traverse_util.path_aware_map(
        lambda path, _: any(fnmatch.fnmatchcase("/".join(path), pattern) for pattern in regularization.decayed), params
    )


@functools.singledispatch
def _update_rule(optimizer: Optimizer, decay: optax.GradientTransformation, rate: Callable):
    raise TypeError(type(optimizer).__name__)


@_update_rule.register
def _sgd(optimizer: SGD, decay, rate):
    momentum = optax.trace(optimizer.momentum, optimizer.nesterov) if optimizer.momentum else optax.identity()
    scale = optax.scale_by_learning_rate(rate)
    return optax.chain(decay, scale, momentum) if optimizer.rate_in_momentum else optax.chain(decay, momentum, scale)


def make_optimizer(
    optimizer: Optimizer, regularization: Regularization, rate: Callable[[jax.Array], jax.Array]
) -> optax.GradientTransformation:
    """The optax transformation of a recipe: weight decay and update rule, with the learning rate `rate(step)`."""
    decay = optax.identity()
    if regularization.weight_decay:
        mask = functools.partial(decay_mask, regularization)
        decay = optax.add_decayed_weights(regularization.weight_decay, mask)
    return _update_rule(optimizer, decay, rate)
