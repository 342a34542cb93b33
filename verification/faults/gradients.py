"""Mistakes in gradients, where the forward pass is right: of layers, of all parameters together, and in adding them."""

import functools

import jax
import jax.numpy as jnp
import optax
from flax.linen import linear
from jax import lax

import zoo.layers.conv
import zoo.training.prepare
from verification.faults.applies import accumulates, has, several
from verification.faults.fault import fault
from verification.faults.patching import (
    layer_inputs_in_training,
    layers,
    parameter_of,
    parameters_in_training,
    pick,
    replaced,
    rounded,
    with_attributes,
    with_backward,
    with_scaled_gradient,
)
from zoo.training.step import step


def _convolution_backward(of_input=None, of_kernel=None):
    """Changes the gradients of every convolution, wherever it is differentiated."""

    def make(right):
        def wrong(x, kernel, window, groups=1):
            x = with_backward(of_input)(x) if of_input else x
            kernel = with_backward(of_kernel)(kernel) if of_kernel else kernel
            return right(x, kernel, window, groups)

        return wrong

    return replaced(zoo.layers.conv, "convolution", make)


def _accumulated(change):
    """Changes the sum of the gradients of a batch's parts, before that of each part is added: `change(sum) -> sum`."""

    def scan(add, start, parts):
        if not isinstance(start, tuple):  # the scan over several steps
            return lax.scan(add, start, parts)

        def wrong(carry, part):
            gradient, *others = carry
            return add((jax.tree.map(change, gradient), *others), part)

        return lax.scan(wrong, start, parts)

    return replaced(step, "lax", lambda module: with_attributes(module, scan=scan))


@fault(
    "The kernel gradient of one layer is scaled.",
    strengths=(0.5, 0.9, 0.99),
    matters=0.9,
    bases=("mlp", "lenet5", "mobilenet_v3_small"),
)
def kernel_gradient_scaled(factor):
    return parameters_in_training(parameter_of("middle", "kernel"), with_scaled_gradient(factor))


@fault("The kernel gradient of the first layer is scaled.", strengths=(0.5, 0.9, 0.99), matters=0.9)
def first_kernel_gradient_scaled(factor):
    return parameters_in_training(parameter_of("first", "kernel"), with_scaled_gradient(factor))


@fault("The bias gradient of the output layer is a mean where it is a sum.", strengths=(0.1, 0.9), matters=0.9)
def bias_gradient_scaled(factor):
    return parameters_in_training(parameter_of("last", "bias"), with_scaled_gradient(factor))


@fault(
    "Every kernel gradient of convolutions is scaled in the backward pass.", strengths=(0.5, 0.9), applies=has("Conv")
)
def convolution_kernel_gradient(factor):
    return _convolution_backward(of_kernel=lambda gradient: factor * gradient)


@fault(
    "One tap of every kernel gradient is zero or has the wrong sign.",
    strengths=("sign", "zero", "centre"),
    matters="zero",
    applies=has("Conv"),
)
def kernel_gradient_tap(which):
    def change(gradient):
        height, width = gradient.shape[:2]
        if height * width == 1:
            return gradient
        row, column = (height // 2, width // 2) if which == "centre" else (0, 0)
        return gradient.at[row, column].multiply(-1.0 if which == "sign" else 0.0)

    return _convolution_backward(of_kernel=change)


@fault("Kernel gradients are transposed: rows for columns.", applies=has("Conv"))
def kernel_gradient_transposed():
    def change(gradient):
        return gradient.swapaxes(0, 1) if gradient.shape[0] == gradient.shape[1] else gradient

    return _convolution_backward(of_kernel=change)


@fault(
    "The kernel gradient of every odd output channel is that of the channel before: registers of two are not refilled.",
    applies=has("Conv"),
    bases=("lenet5", "bn_cnn"),
)
def odd_channels_repeat_gradient():
    def change(gradient):
        pairs = gradient.shape[-1] // 2
        return gradient.at[..., 1::2].set(gradient[..., : 2 * pairs : 2])

    return _convolution_backward(of_kernel=change)


# The gradient of the first convolution's input is used nowhere.
@fault(
    "The gradient of every convolution's input is scaled.", strengths=(0.5, 0.9), matters=0.9, applies=several("Conv")
)
def input_gradient_scaled(factor):
    return _convolution_backward(of_input=lambda gradient: factor * gradient)


@fault("The gradient of every convolution's input is shifted by a pixel.", applies=several("Conv"))
def input_gradient_shifted():
    return _convolution_backward(of_input=lambda gradient: jnp.roll(gradient, 1, 2))


@fault("The input gradient of the middle layer is scaled.", strengths=(0.5, 0.9), matters=0.9)
def one_input_gradient_scaled(factor):
    def choose(model, image_shape):
        path = pick(layers(model, image_shape), "middle")
        return lambda module: module.path == path

    return layer_inputs_in_training(choose, with_scaled_gradient(factor))


@fault("The gradients of dense layers are scaled.", strengths=(0.5, 0.9), matters=0.9, applies=has("Dense"))
def dense_gradient_scaled(factor):
    def wrong(left, right, *arguments, **options):
        return lax.dot_general(left, with_scaled_gradient(factor)(right), *arguments, **options)

    return replaced(linear, "lax", lambda module: with_attributes(module, dot_general=wrong))


@fault("All gradients have the wrong sign.")
def gradient_sign():
    return parameters_in_training(lambda model, shape: lambda path: True, with_scaled_gradient(-1.0))


@fault("All gradients are scaled, as by the wrong loss scale.", strengths=(10.0, 1.1), matters=1.1)
def gradient_scaled(factor):
    return parameters_in_training(lambda model, shape: lambda path: True, with_scaled_gradient(factor))


@fault("Gradients are rounded to a mantissa of so many bits: 7 are bfloat16's.", strengths=(2.0, 7.0), matters=7.0)
def gradients_rounded(bits):
    change = with_backward(functools.partial(rounded, bits=int(bits)))
    return parameters_in_training(lambda model, shape: lambda path: True, change)


@fault("Only the last of the accumulated gradients counts.", applies=accumulates)
def last_part_only():
    return _accumulated(jnp.zeros_like)


@fault(
    "Accumulated gradients decay: those of earlier parts of the batch count less.",
    strengths=(0.5, 0.9),
    matters=0.9,
    applies=accumulates,
    bases=("verification.faults.bases.mixed",),
)
def accumulation_decays(factor):
    return _accumulated(lambda total: factor * total)


@fault(
    "Gradients are cleared after every second step only: the others add to those of the step before.",
    bases=("mlp", "lenet5"),
)
def gradients_cleared_late():
    def make(right):
        def wrong(*arguments, **named):
            inner = right(*arguments, **named)

            def init(params):
                return inner.init(params), jax.tree.map(jnp.zeros_like, params), jnp.zeros((), jnp.int32)

            def update(gradient, state, params=None, **options):
                own, before, count = state
                total = jax.tree.map(jnp.add, before, gradient)
                updates, own = inner.update(total, own, params, **options)
                left = jax.tree.map(lambda each: jnp.where(count % 2 == 0, each, 0), total)
                return updates, (own, left, count + 1)

            return optax.GradientTransformationExtraArgs(init, update)

        return wrong

    return replaced(zoo.training.prepare, "make_optimizer", make)
