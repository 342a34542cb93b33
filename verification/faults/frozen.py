"""Mistakes by which a part gets no gradient: layers, biases, groups, branches, a part of the batch."""

import jax
import jax.numpy as jnp
from jax import lax

import zoo.layers.conv
from verification.faults.applies import grouped, has
from verification.faults.fault import fault
from verification.faults.patching import (
    in_training,
    layer_inputs_in_training,
    layers,
    parameters_in_training,
    pick,
    replaced,
    with_backward,
)


@fault("A layer gets no gradient: it is frozen.", strengths=("first", "middle", "last"), matters="middle")
def layer_frozen(which):
    def choose(model, image_shape):
        layer = pick(layers(model, image_shape), which)
        return lambda path: path[:-1] == layer

    return parameters_in_training(choose, lax.stop_gradient)


@fault("The biases get no gradient.")
def biases_frozen():
    return parameters_in_training(lambda model, shape: lambda path: path[-1] == "bias", lax.stop_gradient)


@fault(
    "The kernel gradient of the last group of a grouped convolution is zero.",
    applies=grouped,
    bases=("mobilenet_v3_small",),
)
def last_group_untrained():
    def make(right):
        def wrong(x, kernel, window, groups=1):
            if groups > 1:
                features = kernel.shape[-1] // groups
                kernel = with_backward(lambda gradient: gradient.at[..., -features:].set(0))(kernel)
            return right(x, kernel, window, groups)

        return wrong

    return replaced(zoo.layers.conv, "convolution", make)


@fault("One branch of a fire module passes no gradient to its input.", applies=has("Fire"), bases=("squeezenet1_1",))
def branch_detached():
    return layer_inputs_in_training(
        lambda model, image_shape: lambda module: module.name == "expand3x3", lax.stop_gradient
    )


@fault(
    "A part of the batch does not contribute to the gradient, though to the loss.", strengths=(0.5, 0.1), matters=0.5
)
def gradient_of_a_part(fraction):
    def make(right):
        def wrong(model, params, batch_stats, images, *arguments, **options):
            outputs, batch_stats = right(model, params, batch_stats, images, *arguments, **options)
            keep = jnp.arange(len(images)) >= round(fraction * len(images))
            dropped = with_backward(lambda gradient: jnp.where(keep[:, None], gradient, 0))
            return jax.tree.map(dropped, outputs), batch_stats

        return wrong

    return in_training(make)
