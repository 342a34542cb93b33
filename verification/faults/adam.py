"""Mistakes in Adam: its constants, moments and bias correction."""

import contextlib

import jax
import jax.numpy as jnp
import optax

import zoo.training.prepare
import zoo.training.step.optimizer
from verification.faults.applies import adam
from verification.faults.fault import fault
from verification.faults.optimizer import rule_with
from verification.faults.patching import replaced


@fault("Adam's epsilon is another.", strengths=(1.0, 1e-3, 1e-6), matters=1e-3, applies=adam)
def adam_epsilon(value):
    return rule_with(epsilon=value)


@fault("Adam's epsilon is added under the root.", applies=adam, bases=("mlp", "bn_cnn"))
def adam_epsilon_in_root():
    def wrong(optimizer):
        return optax.scale_by_adam(optimizer.beta1, optimizer.beta2, 0.0, optimizer.epsilon)

    return replaced(zoo.training.step.optimizer, "_scale_by_adam", lambda right: wrong)


@fault("Adam's decay rate of the first moment is another.", strengths=(0.0, 0.8), matters=0.8, applies=adam)
def adam_beta1(value):
    return rule_with(beta1=value)


@fault("Adam's decay rate of the second moment is another.", strengths=(0.9, 0.99), matters=0.99, applies=adam)
def adam_beta2(value):
    return rule_with(beta2=value)


@fault("Adam has no bias correction.", applies=adam)
@contextlib.contextmanager
def adam_without_bias_correction():
    def uncorrected(rule):
        def init(params):
            zeros = jax.tree.map(jnp.zeros_like, params)
            return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros, zeros)

        def update(gradient, state, params=None):
            first = jax.tree.map(lambda m, g: rule.beta1 * m + (1 - rule.beta1) * g, state.mu, gradient)
            second = jax.tree.map(lambda v, g: rule.beta2 * v + (1 - rule.beta2) * g * g, state.nu, gradient)
            updates = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + rule.epsilon), first, second)
            return updates, optax.ScaleByAdamState(state.count + 1, first, second)

        return optax.GradientTransformation(init, update)

    def make(right):
        def wrong(*arguments, **options):
            with replaced(zoo.training.step.optimizer, "_scale_by_adam", lambda right: uncorrected):
                return right(*arguments, **options)

        return wrong

    with replaced(zoo.training.prepare, "make_optimizer", make):
        yield


@fault("Adam's bias correction is that of the next step.", applies=adam, bases=("mlp", "bn_cnn"))
def adam_correction_late():
    def make(right):
        def wrong(optimizer):
            rule = right(optimizer)

            def update(gradient, state, params=None):
                updates, new = rule.update(gradient, state._replace(count=state.count + 1), params)
                return updates, new._replace(count=state.count + 1)

            return optax.GradientTransformation(rule.init, update)

        return wrong

    return replaced(zoo.training.step.optimizer, "_scale_by_adam", make)


@fault(
    "Adam's second moment never becomes smaller, as AMSGrad's.",
    applies=adam,
    bases=("mlp", "bn_cnn"),
)
def adam_second_moment_grows():
    def make(right):
        def wrong(optimizer):
            def update(gradient, state, params=None):
                count = state.count + 1
                first = jax.tree.map(lambda m, g: optimizer.beta1 * m + (1 - optimizer.beta1) * g, state.mu, gradient)
                second = jax.tree.map(
                    lambda v, g: jnp.maximum(v, optimizer.beta2 * v + (1 - optimizer.beta2) * g * g),
                    state.nu,
                    gradient,
                )
                of_first, of_second = 1 - optimizer.beta1**count, 1 - optimizer.beta2**count
                updates = jax.tree.map(
                    lambda m, v: m / of_first / (jnp.sqrt(v / of_second) + optimizer.epsilon), first, second
                )
                return updates, optax.ScaleByAdamState(count, first, second)

            return optax.GradientTransformation(right(optimizer).init, update)

        return wrong

    return replaced(zoo.training.step.optimizer, "_scale_by_adam", make)
