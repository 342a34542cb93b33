"""Mistakes with random numbers: keys, dropout, stochastic depth."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from verification.faults.applies import drops, layers_of, random_transforms, uses_keys
from verification.faults.fault import fault
from verification.faults.patching import in_training, replaced
from zoo.layers import DropPath
from zoo.training.step import step


def _drops_paths(recipe):
    return any(layer.kind == "DropPath" and layer.attributes["rate"] for layer in layers_of(recipe))


def _keys(change):
    """Changes the keys of a step: `change(state, keys) -> (augmentation key, dropout key)`."""
    return replaced(step, "step_keys", lambda right: lambda state: change(state, right(state)))


def _dropout(change, kinds=(nn.Dropout,)):
    """Replaces dropout in training: `change(module, inputs, output) -> output`."""

    def make(right):
        def wrong(*arguments, **options):
            def intercept(next_function, given, named, context):
                output = next_function(*given, **named)
                if isinstance(context.module, kinds) and context.method_name == "__call__" and context.module.rate:
                    return change(context.module, given[0], output)
                return output

            with nn.intercept_methods(intercept):
                return right(*arguments, **options)

        return wrong

    return in_training(make)


@fault("The augmentation key is the same in every step and for every seed.", applies=random_transforms)
def fixed_augmentation_key():
    return _keys(lambda state, keys: (jax.random.key(0), keys[1]))


@fault("A step's keys do not depend on the step.", applies=uses_keys)
def same_keys_each_step():
    return replaced(step, "step_keys", lambda right: lambda state: right(state.replace(step=0 * state.step)))


@fault("A step's keys do not depend on the seed.", applies=uses_keys)
def keys_without_seed():
    return replaced(step, "step_keys", lambda right: lambda state: right(state.replace(seed=0 * state.seed)))


@fault(
    "A step's keys are those of the sum of seed and step: runs with neighbouring seeds share nearly all of them.",
    applies=uses_keys,
    bases=("verification.faults.bases.mixed",),
)
def keys_of_seed_plus_step():
    def change(state, keys):
        augment_key, dropout_key = jax.random.split(jax.random.key(state.seed + state.step.astype(jnp.uint32)))
        return augment_key, dropout_key

    return _keys(change)


@fault("The keys of a step are the same for a thousand steps.", applies=uses_keys)
def keys_change_rarely():
    return replaced(step, "step_keys", lambda right: lambda state: right(state.replace(step=state.step // 1000)))


@fault(
    "The keys of steps repeat.",
    strengths=(10.0, 100.0),
    matters=100.0,
    applies=uses_keys,
    bases=("verification.faults.bases.mixed",),
)
def keys_repeat(period):
    return replaced(step, "step_keys", lambda right: lambda state: right(state.replace(step=state.step % int(period))))


@fault("From the hundredth step on, a step's keys do not depend on the step.", applies=uses_keys)
def keys_fixed_later():
    return replaced(
        step, "step_keys", lambda right: lambda state: right(state.replace(step=jnp.minimum(state.step, 99)))
    )


@fault("Augmentation and dropout use the same key.", applies=drops)
def one_key_for_both():
    return _keys(lambda state, keys: (keys[0], keys[0]))


@fault("All examples of a batch have the same dropout mask.", applies=drops)
def dropout_mask_shared():
    def make(right):
        def wrong(model, params, batch_stats, images, position, dropout_key, **options):
            return right(model, params, batch_stats, images, 0 * position, dropout_key, **options)

        return wrong

    return in_training(make)


@fault("There is no dropout in training.", applies=drops)
def dropout_missing():
    return _dropout(lambda module, inputs, output: inputs)


@fault("Dropout does not divide by the fraction that is kept.", applies=drops)
def dropout_not_rescaled():
    return _dropout(lambda module, inputs, output: output * (1 - module.rate))


@fault(
    "Dropout's backward pass has another mask than its forward pass: the neighbouring example's.",
    applies=drops,
    bases=("mobilenet_v3_small",),
)
def dropout_backward_mask():
    def change(module, inputs, output):
        kept = (output != 0) | (inputs == 0)
        inexact = jnp.where(jnp.roll(kept, 1, 0), inputs / (1 - module.rate), 0)
        return inexact + lax.stop_gradient(output - inexact)

    return _dropout(change)


@fault("The dropout rate is another.", strengths=(2.0, 0.5), matters=0.5, applies=drops)
def dropout_rate(factor):
    def make(right):
        def wrong(*arguments, **options):
            def intercept(next_function, given, named, context):
                module = context.module
                if isinstance(module, nn.Dropout) and context.method_name == "__call__":
                    kept = module.__dict__.setdefault("_constructed_rate", module.rate)
                    object.__setattr__(module, "rate", factor * kept)
                return next_function(*given, **named)

            with nn.intercept_methods(intercept):
                return right(*arguments, **options)

        return wrong

    return in_training(make)


@fault("Stochastic depth drops values, not whole branches.", applies=_drops_paths)
def drop_path_drops_values():
    def change(module, inputs, output):
        keep = jax.random.bernoulli(jax.random.key(1), 1 - module.rate, inputs.shape)
        return jnp.where(keep, inputs / (1 - module.rate), 0)

    return _dropout(change, (DropPath,))


@fault("There is no stochastic depth in training.", applies=_drops_paths)
def drop_path_missing():
    return _dropout(lambda module, inputs, output: inputs, (DropPath,))
