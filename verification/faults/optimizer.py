"""Mistakes in the optimizer that a run uses: in its rules, where a run is prepared, or inside the training step."""

import dataclasses

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
    changing_rate,
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


@fault("Momentum is missing, or another value.", strengths=(0.0, 0.8, 0.89), matters=0.8, applies=momentum)
def momentum_value(value):
    return rule_with(momentum=value)


@fault(
    "Nesterov momentum is used where the recipe has none.",
    applies=every(momentum, lacks(lambda r: r.optimizer.nesterov)),
)
def nesterov_added():
    return rule_with(nesterov=True)


@fault("Momentum is dampened: the gradient is multiplied by 1 - momentum.", applies=momentum)
def momentum_dampened():
    def change(update, model):
        def wrong(gradient, state, params, **options):
            return update(jax.tree.map(lambda each: 0.1 * each, gradient), state, params, **options)

        return wrong

    return in_step(change)


@fault("The learning rate is applied on the other side of momentum.", applies=every(momentum, changing_rate))
def rate_outside_momentum():
    return prepared_with(
        lambda rule, penalties, clipping: (
            dataclasses.replace(rule, rate_in_momentum=not rule.rate_in_momentum),
            penalties,
            clipping,
        )
    )


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
    def change(update, model):
        def wrong(gradient, state, params, **options):
            updates, state = update(gradient, state, params, **options)
            flat = traverse_util.flatten_dict(dict(updates))
            layer = pick(sorted({path[:-1] for path, value in flat.items() if value.ndim > 1}), which)
            flat = {path: jnp.zeros_like(value) if path[:-1] == layer else value for path, value in flat.items()}
            return traverse_util.unflatten_dict(flat), state

        return wrong

    return in_step(change)


@fault("Biases have twice the learning rate, as in Caffe.")
def bias_rate():
    def change(update, model):
        def wrong(gradient, state, params, **options):
            updates, state = update(gradient, state, params, **options)
            twice = traverse_util.path_aware_map(
                lambda path, value: 2 * value if path[-1] == "bias" else value, dict(updates)
            )
            return twice, state

        return wrong

    return in_step(change)


@fault(
    "Parameters are kept with a mantissa of so many bits: 7 are bfloat16's.", strengths=(7.0, 10.0, 16.0), matters=7.0
)
def parameters_rounded(bits):
    def apply(params, updates):
        return jax.tree.map(lambda new: rounded(new, int(bits)), optax.apply_updates(params, updates))

    return replaced(zoo.training.step.step, "optax", lambda module: with_attributes(module, apply_updates=apply))


@fault(
    "The optimizer's moments are kept with a mantissa of so many bits: 7 are bfloat16's.",
    strengths=(2.0, 7.0),
    matters=7.0,
    applies=lambda recipe: momentum(recipe) or adam(recipe),
    bases=("mlp", "lenet5"),
)
def moments_rounded(bits):
    """Only momentum and Adam's moments, nothing else in the state."""

    def is_of_moments(node):
        return isinstance(node, optax.TraceState | optax.ScaleByAdamState)

    def coarse(leaf):
        return rounded(leaf, int(bits)) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    def change(update, model):
        def wrong(gradient, state, params, **options):
            updates, state = update(gradient, state, params, **options)
            return updates, jax.tree.map(
                lambda node: jax.tree.map(coarse, node) if is_of_moments(node) else node, state, is_leaf=is_of_moments
            )

        return wrong

    return in_step(change)


@fault("Entries of the gradient below 1 % of the largest are flushed to zero, as by a format of few bits.")
def small_gradients_flushed():
    def change(update, model):
        def wrong(gradient, state, params, **options):
            def flush(value):
                return jnp.where(jnp.abs(value) < 0.01 * jnp.abs(value).max(), 0, value)

            return update(jax.tree.map(flush, gradient), state, params, **options)

        return wrong

    return in_step(change)
