"""Mistakes that only show on several devices."""

import jax
import jax.numpy as jnp
from jax import lax

import zoo.parallel
from verification.faults.applies import drops, has, uses_keys
from verification.faults.fault import fault
from verification.faults.patching import in_training, replaced, rounded, with_attributes
from zoo.training.step import step

DEVICES = 2


def _summed(change):
    """Changes the sum over devices in the training step: `change(gradient, batch_stats, sums) -> the three`.

    The sum of evaluation stays right.
    """

    def make(module):
        def wrong(tree):
            if type(tree) is tuple:
                return module.sum_over_devices(change(*tree))
            return module.sum_over_devices(tree)

        return with_attributes(module, sum_over_devices=wrong)

    return replaced(step, "parallel", make)


def _first(value):
    """The value on the first device, and zero on the others."""
    return jnp.where(lax.axis_index(zoo.parallel.AXIS) == 0, value, jnp.zeros_like(value))


@fault("Gradients are summed over devices where their mean is meant.", devices=DEVICES)
def gradients_summed():
    def change(gradient, batch_stats, sums):
        size = lax.axis_size(zoo.parallel.AXIS)
        return jax.tree.map(lambda each: size * each, gradient), batch_stats, sums

    return _summed(change)


@fault("Gradients are averaged twice.", devices=DEVICES)
def gradients_averaged_twice():
    def change(gradient, batch_stats, sums):
        size = lax.axis_size(zoo.parallel.AXIS)
        return jax.tree.map(lambda each: each / size, gradient), batch_stats, sums

    return _summed(change)


@fault("Only the first device's gradient counts.", devices=DEVICES)
def gradient_of_first_device():
    def change(gradient, batch_stats, sums):
        size = lax.axis_size(zoo.parallel.AXIS)
        return jax.tree.map(lambda each: size * _first(each), gradient), batch_stats, sums

    return _summed(change)


@fault(
    "Of biases and other vectors, only the first device's gradient counts.", devices=DEVICES, bases=("mlp", "lenet5")
)
def vectors_of_first_device():
    def change(gradient, batch_stats, sums):
        size = lax.axis_size(zoo.parallel.AXIS)
        of_first = jax.tree.map(lambda each: size * _first(each) if each.ndim < 2 else each, gradient)
        return of_first, batch_stats, sums

    return _summed(change)


@fault(
    "Gradients are rounded to bfloat16 before they are summed over devices, to save communication.",
    devices=DEVICES,
    bases=("mlp", "lenet5"),
)
def all_reduce_in_bfloat16():
    def change(gradient, batch_stats, sums):
        if lax.axis_size(zoo.parallel.AXIS) > 1:
            gradient = jax.tree.map(lambda each: rounded(each, 7), gradient)
        return gradient, batch_stats, sums

    return _summed(change)


@fault("The reported loss is the first device's.", devices=DEVICES)
def loss_of_first_device():
    def change(gradient, batch_stats, sums):
        size = lax.axis_size(zoo.parallel.AXIS)
        return gradient, batch_stats, sums._replace(loss=size * _first(sums.loss))

    return _summed(change)


@fault("Running statistics are the first device's.", devices=DEVICES, applies=has("BatchNorm"))
def statistics_of_first_device():
    def change(gradient, batch_stats, sums):
        size = lax.axis_size(zoo.parallel.AXIS)
        return gradient, jax.tree.map(lambda each: size * _first(each), batch_stats), sums

    return _summed(change)


@fault("Every device computes the first device's examples.", devices=DEVICES)
def devices_share_examples():
    def make(right):
        def wrong(transforms, mixing, constants, batch, key):
            same = jax.tree.map(lambda each: lax.psum(_first(each), zoo.parallel.AXIS), batch)
            same = zoo.parallel.varying(same)
            return right(transforms, mixing, constants, same, key)

        return wrong

    return replaced(step, "mixed_inputs", make)


@fault("Examples on different devices have the same keys.", devices=DEVICES, applies=uses_keys)
def keys_by_place_on_device():
    def make(right):
        def wrong(transforms, mixing, constants, batch, key):
            local = batch.position % len(batch.position)
            return right(transforms, mixing, constants, batch._replace(position=local), key)

        return wrong

    return replaced(step, "mixed_inputs", make)


@fault("Dropout masks are the same on all devices.", devices=DEVICES, applies=drops)
def dropout_by_place_on_device():
    def make(right):
        def wrong(model, params, batch_stats, images, position, dropout_key, **options):
            return right(model, params, batch_stats, images, position % len(position), dropout_key, **options)

        return wrong

    return in_training(make)


@fault("Evaluation counts the first device's examples only.", devices=DEVICES)
def evaluation_of_first_device():
    def make(module):
        def wrong(tree):
            if type(tree) is tuple:
                return module.sum_over_devices(tree)
            return module.sum_over_devices(jax.tree.map(_first, tree))

        return with_attributes(module, sum_over_devices=wrong)

    return replaced(step, "parallel", make)


@fault("The predictions for single examples are in the order of other devices.", devices=DEVICES, bases=("lenet5",))
def outcomes_of_devices_exchanged():
    def make(right):
        def wrong(logits, labels, batch, loss):
            local = len(batch.position)
            moved = (batch.position + local) % (local * lax.axis_size(zoo.parallel.AXIS))
            return right(logits, labels, batch._replace(position=moved), loss)

        return wrong

    return replaced(step, "outcomes_of_examples", make)
