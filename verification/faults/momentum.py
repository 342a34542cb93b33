"""Mistakes in momentum, and in the moments that the optimizer keeps."""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from verification.faults.applies import adam, changing_rate, every, lacks, momentum
from verification.faults.fault import fault
from verification.faults.optimizer import in_step, prepared_with, rule_with
from verification.faults.patching import rounded


def _is_trace(node):
    return isinstance(node, optax.TraceState)


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


@fault(
    "The momentum buffer is set to zero every so many steps.",
    strengths=(10.0, 50.0),
    matters=50.0,
    applies=momentum,
    bases=("lenet5",),
)
def momentum_reset(steps):
    def change(update, model):
        def wrong(gradient, state, params, **options):
            counts = [leaf for leaf in jax.tree.leaves(state) if leaf.dtype == jnp.int32]
            kept = counts[0] % int(steps) != 0 if counts else True

            def reset(node):
                return jax.tree.map(lambda each: jnp.where(kept, each, 0), node) if _is_trace(node) else node

            return update(gradient, jax.tree.map(reset, state, is_leaf=_is_trace), params, **options)

        return wrong

    return in_step(change)


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
