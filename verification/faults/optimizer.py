"""Mistakes in the optimizer that a run uses: in its rules, where a run is prepared, or inside the training step."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

import zoo.training.experiment
import zoo.training.prepare
import zoo.training.step.optimizer
import zoo.training.step.step
from verification.faults.applies import (
    adam,
    clipped,
    decayed,
    every,
    lacks,
    momentum,
    rmsprop,
)
from verification.faults.fault import fault
from verification.faults.patching import pick, replaced, rounded, with_attributes
from zoo.recipe import SGD, AdamW, ClipByNorm
from zoo.training.step.optimizer import decay_mask


def prepared_with(change):
    """Changes the optimizer that a run is prepared with: `change(optimizer, regularization, clipping)` returns others.

    `zoo.training.step.optimizer.make_optimizer` itself stays right.
    """

    def make(right):
        def wrong(optimizer, regularization, rate, clipping=None):
            optimizer, regularization, clipping = change(optimizer, regularization, clipping)
            return right(optimizer, regularization, rate, clipping)

        return wrong

    return replaced(zoo.training.prepare, "make_optimizer", make)


def rule_with(**fields):
    """Changes fields of the optimizer that a run is prepared with."""
    return prepared_with(lambda rule, penalties, clipping: (dataclasses.replace(rule, **fields), penalties, clipping))


def _penalties(change):
    return prepared_with(
        lambda rule, penalties, clipping: (rule, dataclasses.replace(penalties, **change(penalties)), clipping)
    )


def in_step(change):
    """Changes the optimizer inside the compiled training step only; `Experiment.optimizer` stays right.

    Args:
      change: `(update, model) -> update`, of optax's update functions.
    """

    def make(right):
        def wrong(model, transforms, optimizer, *arguments, **options):
            changed = optax.GradientTransformationExtraArgs(optimizer.init, change(optimizer.update, model))
            return right(model, transforms, changed, *arguments, **options)

        return wrong

    return replaced(zoo.training.experiment, "make_train_step", make)


def _updates(change):
    """Changes the updates in the training step: `change(updates, state) -> updates`, with the state before the step."""

    def make(update, model):
        def wrong(gradient, state, params, **options):
            updates, changed = update(gradient, state, params, **options)
            return change(updates, state), changed

        return wrong

    return in_step(make)


def _updates_of_layer(which, change):
    """Changes the updates of the first, middle or last layer: `change(update, state) -> update`, as `_updates`."""

    def changed(updates, state):
        flat = traverse_util.flatten_dict(dict(updates))
        layer = pick(sorted({path[:-1] for path, value in flat.items() if value.ndim > 1}), which)
        flat = {path: change(value, state) if path[:-1] == layer else value for path, value in flat.items()}
        return traverse_util.unflatten_dict(flat)

    return _updates(changed)


@fault("RMSprop's epsilon is added outside of the root.", applies=rmsprop)
def rmsprop_epsilon_outside():
    return rule_with(epsilon_in_root=False)


@fault("RMSprop's average of squares starts at 0.", applies=rmsprop)
def rmsprop_initial_average():
    return rule_with(initial_average=0.0)


@fault("RMSprop has another momentum.", strengths=(0.0, 0.8), matters=0.8, applies=rmsprop)
def rmsprop_momentum(value):
    return rule_with(momentum=value)


@fault(
    "Gradients are clipped to a norm though the recipe has no clipping.",
    strengths=(0.1, 1.0),
    matters=1.0,
    applies=every(lacks(clipped), lacks(adam)),
)
def clipping_added(norm):
    return prepared_with(lambda rule, penalties, clipping: (rule, penalties, ClipByNorm(norm)))


@fault("Gradients are not clipped.", applies=clipped)
def clipping_missing():
    return prepared_with(lambda rule, penalties, clipping: (rule, penalties, None))


@fault(
    "Each parameter's gradient is clipped to the norm, instead of all of them together.",
    applies=every(clipped, lambda recipe: isinstance(recipe.clipping, ClipByNorm)),
    bases=("verification.faults.bases.mixed",),
)
def clipping_by_parameter():
    def make(right):
        def wrong(clipping):
            if not isinstance(clipping, ClipByNorm):
                return right(clipping)

            def clip(gradient):
                norm = jnp.linalg.norm(gradient.ravel())
                return gradient * jnp.minimum(1.0, clipping.norm / jnp.maximum(norm, 1e-12))

            return optax.stateless(lambda updates, params: jax.tree.map(clip, updates))

        return wrong

    return replaced(zoo.training.step.optimizer, "clip", make)


@fault(
    "Gradients are clipped after weight decay was added to them, not before.",
    applies=every(clipped, decayed, lambda recipe: not recipe.optimizer.decoupled),
    bases=("verification.faults.bases.mixed",),
)
def decay_before_clipping():
    def make(right):
        def wrong(optimizer, regularization, rate, clipping=None):
            if clipping is None or not regularization.weight_decay:
                return right(optimizer, regularization, rate, clipping)
            decay = optax.add_decayed_weights(
                regularization.weight_decay, functools.partial(decay_mask, regularization)
            )
            rest = right(optimizer, dataclasses.replace(regularization, weight_decay=0.0), rate, clipping)
            return optax.chain(decay, rest)

        return wrong

    return replaced(zoo.training.prepare, "make_optimizer", make)


@fault("Weight decay is missing, or too large.", strengths=(100.0, 10.0, 2.0, 0.0), matters=10.0, applies=decayed)
def weight_decay(factor):
    return _penalties(lambda penalties: {"weight_decay": factor * penalties.weight_decay})


@fault("Biases and normalization decay as well.", applies=decayed)
def weight_decay_everywhere():
    return _penalties(lambda penalties: {"decayed": ("*",)})


@fault("Weight decay is missing in the step: the optimizer gets zeros for parameters.", applies=decayed)
def weight_decay_missing_in_step():
    def change(update, model):
        def wrong(gradient, state, params, **options):
            return update(gradient, state, jax.tree.map(jnp.zeros_like, params), **options)

        return wrong

    return in_step(change)


@fault(
    "Weight decay is added after momentum instead of before: the first step is the same.",
    applies=every(momentum, decayed),
    bases=("verification.faults.bases.mixed", "resnet20"),
)
def decay_after_momentum():
    def make(right):
        def wrong(optimizer, decay, scale):
            if not isinstance(optimizer, SGD):
                return right(optimizer, decay, scale)
            return optax.chain(optax.trace(optimizer.momentum, optimizer.nesterov), decay, scale)

        return wrong

    return replaced(zoo.training.step.optimizer, "update_rule", make)


@fault("Weight decay is decoupled (AdamW) where the recipe's is L2 (Adam).", applies=every(adam, decayed))
def weight_decay_decoupled():
    def decoupled(rule, penalties, clipping):
        return AdamW(rule.beta1, rule.beta2, rule.epsilon), penalties, clipping

    return prepared_with(decoupled)


@fault("The optimizer's state is dropped after each step.")
def optimizer_state_dropped():
    def change(update, model):
        def wrong(gradient, state, params, **options):
            updates, _ = update(gradient, state, params, **options)
            return updates, state

        return wrong

    return in_step(change)


@fault("The parameters of a layer are not updated.", strengths=("first", "middle", "last"), matters="middle")
def layer_not_updated(which):
    return _updates_of_layer(which, lambda update, state: jnp.zeros_like(update))


@fault(
    "The first layer is not updated any more after some steps.",
    strengths=(20.0, 100.0),
    matters=100.0,
    bases=("mlp", "lenet5"),
)
def layer_frozen_later(steps):
    def change(update, state):
        done = next((leaf for leaf in jax.tree.leaves(state) if leaf.dtype == jnp.int32), 0)
        return jnp.where(done < int(steps), update, 0)

    return _updates_of_layer("first", change)


@fault("Biases have twice the learning rate, as in Caffe.")
def bias_rate():
    def change(updates, state):
        return traverse_util.path_aware_map(
            lambda path, value: 2 * value if path[-1] == "bias" else value, dict(updates)
        )

    return _updates(change)


@fault(
    "Parameters are kept with a mantissa of so many bits: 7 are bfloat16's.", strengths=(7.0, 10.0, 16.0), matters=7.0
)
def parameters_rounded(bits):
    def apply(params, updates):
        return jax.tree.map(lambda new: rounded(new, int(bits)), optax.apply_updates(params, updates))

    return replaced(zoo.training.step.step, "optax", lambda module: with_attributes(module, apply_updates=apply))


@fault("Updates pass through float16 before they are added.", bases=("mlp", "lenet5"))
def updates_in_float16():
    def change(updates, state):
        return jax.tree.map(lambda each: each.astype(jnp.float16).astype(each.dtype), updates)

    return _updates(change)


@fault("Entries of the gradient below 1 % of the largest are flushed to zero, as by a format of few bits.")
def small_gradients_flushed():
    def change(update, model):
        def wrong(gradient, state, params, **options):
            def flush(value):
                return jnp.where(jnp.abs(value) < 0.01 * jnp.abs(value).max(), 0, value)

            return update(jax.tree.map(flush, gradient), state, params, **options)

        return wrong

    return in_step(change)
