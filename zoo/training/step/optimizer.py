"""The optax transformation of a recipe: gradient clipping, penalties, and the optimizer's update rule."""

import fnmatch
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util
from optax import GradientTransformation

from zoo.recipe import LAMB, SGD, Adadelta, Adagrad, Adam, AdamW, ClipByNorm, ClipByValue, Lion, Regularization, RMSprop
from zoo.recipe.optimizer import Clipping, Optimizer


def decay_mask(regularization: Regularization, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a tree shaped like `params` that is True for each parameter with weight decay."""
    return traverse_util.path_aware_map(
        lambda path, _: any(
            fnmatch.fnmatchcase("/".join(map(str, path)), pattern) for pattern in regularization.decayed
        ),
        params,
    )


@functools.singledispatch
def update_rule(
    optimizer: Optimizer, decay: GradientTransformation, scale: GradientTransformation
) -> GradientTransformation:
    """Makes the update rule of an optimizer, from the gradient to the change of the parameters.

    To add an optimizer, register an implementation for its class (`@update_rule.register`); see docs/extending.md.

    Args:
      optimizer: the recipe's.
      decay: adds the weight decay: L2 regularization if chained before the scaling by gradient moments, decoupled if
        after it.
      scale: multiplies by the negative learning rate.
    """
    raise TypeError(type(optimizer).__name__)


@update_rule.register
def _sgd(optimizer: SGD, decay: GradientTransformation, scale: GradientTransformation) -> GradientTransformation:
    momentum = optax.trace(optimizer.momentum, optimizer.nesterov) if optimizer.momentum else optax.identity()
    return optax.chain(decay, scale, momentum) if optimizer.rate_in_momentum else optax.chain(decay, momentum, scale)


@update_rule.register
def _adam(optimizer: Adam, decay: GradientTransformation, scale: GradientTransformation) -> GradientTransformation:
    return optax.chain(decay, _scale_by_adam(optimizer), scale)


@update_rule.register
def _adamw(optimizer: AdamW, decay: GradientTransformation, scale: GradientTransformation) -> GradientTransformation:
    return optax.chain(_scale_by_adam(optimizer), decay, scale)


@update_rule.register
def _lamb(optimizer: LAMB, decay: GradientTransformation, scale: GradientTransformation) -> GradientTransformation:
    return optax.chain(_scale_by_adam(optimizer), decay, optax.scale_by_trust_ratio(), scale)


def _scale_by_adam(optimizer):
    return optax.scale_by_adam(optimizer.beta1, optimizer.beta2, optimizer.epsilon)


@update_rule.register
def _lion(optimizer: Lion, decay: GradientTransformation, scale: GradientTransformation) -> GradientTransformation:
    return optax.chain(optax.scale_by_lion(optimizer.beta1, optimizer.beta2), decay, scale)


@update_rule.register
def _rmsprop(
    optimizer: RMSprop, decay: GradientTransformation, scale: GradientTransformation
) -> GradientTransformation:
    quotient = optax.scale_by_rms(
        optimizer.decay, optimizer.epsilon, optimizer.initial_average, optimizer.epsilon_in_root
    )
    momentum = optax.trace(optimizer.momentum) if optimizer.momentum else optax.identity()
    last = (scale, momentum) if optimizer.rate_in_momentum else (momentum, scale)
    return optax.chain(decay, quotient, *last)


@update_rule.register
def _adadelta(
    optimizer: Adadelta, decay: GradientTransformation, scale: GradientTransformation
) -> GradientTransformation:
    return optax.chain(decay, optax.scale_by_adadelta(optimizer.decay, optimizer.epsilon), scale)


@update_rule.register
def _adagrad(
    optimizer: Adagrad, decay: GradientTransformation, scale: GradientTransformation
) -> GradientTransformation:
    return optax.chain(decay, optax.scale_by_rss(optimizer.initial_sum, optimizer.epsilon), scale)


@functools.singledispatch
def clip(clipping: Clipping) -> GradientTransformation:
    """Makes the transformation that clips gradients; register an implementation for a new `Clipping`."""
    raise TypeError(type(clipping).__name__)


@clip.register
def _clip_by_norm(clipping: ClipByNorm) -> GradientTransformation:
    return optax.clip_by_global_norm(clipping.norm)


@clip.register
def _clip_by_value(clipping: ClipByValue) -> GradientTransformation:
    return optax.clip(clipping.value)


def make_optimizer(
    optimizer: Optimizer,
    regularization: Regularization,
    rate: Callable[[jax.Array], jax.Array],
    clipping: Clipping | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Makes the optax transformation of a recipe: clipping, penalties and update rule.

    Args:
      optimizer: the recipe's.
      regularization: the recipe's, for its penalties.
      rate: the learning rate as a function of the step.
      clipping: the recipe's; None for no clipping.

    Returns:
      A transformation whose `update` takes the extra argument `rate_factor`, a factor on the learning rate; None for 1.
    """
    mask = functools.partial(decay_mask, regularization)
    decay = optax.identity()
    if regularization.weight_decay:
        decay = optax.add_decayed_weights(regularization.weight_decay, mask)
    before = []
    if clipping is not None:
        before.append(clip(clipping))
    if regularization.l1:
        before.append(optax.masked(_add_signs(regularization.l1), mask))
    rule = update_rule(optimizer, decay, _scale_by_rate(rate))
    # No chain of one: checkpoints depend on the structure of the optimizer state.
    return optax.chain(*before, rule) if before else rule


def _add_signs(l1: float) -> GradientTransformation:
    return optax.stateless(lambda updates, params: jax.tree.map(lambda g, w: g + l1 * jnp.sign(w), updates, params))


def _scale_by_rate(rate):
    scale = optax.scale_by_learning_rate(rate)

    def update(updates, state, params=None, *, rate_factor=None, **others):
        updates, state = scale.update(updates, state, params)
        return updates if rate_factor is None else jax.tree.map(lambda u: rate_factor * u, updates), state

    return optax.GradientTransformationExtraArgs(scale.init, update)
