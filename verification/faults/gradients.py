"""Mistakes in gradients, where the forward pass is right: those of layers, and those of all parameters together."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.linen import linear
from jax import lax

import zoo.layers.conv
import zoo.layers.normalization
import zoo.layers.pooling
import zoo.models.articles
import zoo.training.prepare
from verification.faults.applies import has, lacks, several
from verification.faults.fault import fault
from verification.faults.patching import (
    layer_inputs_in_training,
    layers,
    parameter_of,
    parameters_in_training,
    pick,
    replaced,
    rounded,
    together,
    with_attributes,
    with_backward,
)


def _scaled(factor):
    return with_backward(lambda gradient: factor * gradient)


def _convolution_backward(of_input=None, of_kernel=None):
    """Changes the gradients of every convolution, wherever it is differentiated."""

    def make(right):
        def wrong(x, kernel, window, groups=1):
            x = with_backward(of_input)(x) if of_input else x
            kernel = with_backward(of_kernel)(kernel) if of_kernel else kernel
            return right(x, kernel, window, groups)

        return wrong

    return replaced(zoo.layers.conv, "convolution", make)


@fault(
    "The kernel gradient of one layer is scaled.",
    strengths=(0.5, 0.9, 0.99),
    matters=0.9,
    bases=("mlp", "lenet5", "mobilenet_v3_small"),
)
def kernel_gradient_scaled(factor):
    return parameters_in_training(parameter_of("middle", "kernel"), _scaled(factor))


@fault("The kernel gradient of the first layer is scaled.", strengths=(0.5, 0.9, 0.99), matters=0.9)
def first_kernel_gradient_scaled(factor):
    return parameters_in_training(parameter_of("first", "kernel"), _scaled(factor))


@fault("The bias gradient of the output layer is a mean where it is a sum.", strengths=(0.1, 0.9), matters=0.9)
def bias_gradient_scaled(factor):
    return parameters_in_training(parameter_of("last", "bias"), _scaled(factor))


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

    return layer_inputs_in_training(choose, _scaled(factor))


@fault("The gradients of dense layers are scaled.", strengths=(0.5, 0.9), matters=0.9, applies=has("Dense"))
def dense_gradient_scaled(factor):
    def wrong(left, right, *arguments, **options):
        return lax.dot_general(left, _scaled(factor)(right), *arguments, **options)

    return replaced(linear, "lax", lambda module: with_attributes(module, dot_general=wrong))


@fault("The gradient of a max pool goes to the neighbour of the maximum.", applies=has("MaxPool"))
def max_pool_gradient_misplaced():
    shift = with_backward(lambda gradient: jnp.roll(gradient, 1, 2))
    return replaced(zoo.layers.pooling, "max_pool", lambda right: lambda x, window: right(shift(x), window))


@fault("The gradient of a max pool is spread over the window, as an average pool's.", applies=has("MaxPool"))
def max_pool_gradient_spread():
    def make(right):
        def wrong(x, window):
            mean = zoo.layers.pooling.avg_pool(x, window, True)
            return mean + lax.stop_gradient(right(x, window) - mean)

        return wrong

    return replaced(zoo.layers.pooling, "max_pool", make)


@fault("The gradient of an average pool is not divided by the window.", applies=has("AvgPool"))
def average_pool_gradient():
    def make(right):
        def wrong(x, window, count_include_pad):
            size = window.size[0] * window.size[1]
            return right(_scaled(size)(x), window, count_include_pad)

        return wrong

    return replaced(zoo.layers.pooling, "avg_pool", make)


@fault(
    "The gradient of batch normalization takes batch statistics for constants.",
    strengths=("both", "mean", "variance"),
    applies=has("BatchNorm"),
)
def batch_norm_gradient(which):
    def make(right):
        def wrong(x, scale, bias, epsilon):
            y, mean, variance = right(x, scale, bias, epsilon)
            exact, axes = x.astype(jnp.float32), tuple(range(x.ndim - 1))
            by_input = exact.mean(axes)
            own_mean = lax.stop_gradient(by_input) if which in ("both", "mean") else by_input
            own_variance = lax.stop_gradient(variance)
            if which == "mean":
                own_variance = ((exact - by_input) ** 2).mean(axes)
            inexact = (exact - own_mean) * (lax.rsqrt(own_variance + epsilon) * scale) + bias
            return inexact + lax.stop_gradient(y - inexact), mean, variance

        return wrong

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault(
    "The gradient of batch normalization's scale is too small.",
    strengths=(0.5, 0.9),
    matters=0.9,
    applies=has("BatchNorm"),
)
def batch_norm_scale_gradient(factor):
    def make(right):
        return lambda x, scale, bias, epsilon: right(x, _scaled(factor)(scale), bias, epsilon)

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault("The gradient of every activation is scaled.", strengths=(0.5, 0.9), matters=0.9, applies=lacks(has("ConvBN")))
def activation_gradient(factor):
    def make(right):
        return lambda x: right(_scaled(factor)(x))

    return together(*(replaced(nn, name, make) for name in zoo.models.articles.ACTIVATIONS))


@fault(
    "The backward pass of ReLU is that of a leaky ReLU.",
    strengths=(1.0, 0.1, 0.01),
    matters=0.1,
    applies=lambda recipe: recipe.model.name in ("mlp", "bn_cnn", "squeezenet1_1", "resnet20"),
    bases=("mlp", "bn_cnn"),
)
def relu_backward_leaks(slope):
    def make(right):
        def wrong(x):
            leak = slope * jnp.minimum(x, 0)
            return right(x) + (leak - lax.stop_gradient(leak))

        return wrong

    return replaced(nn, "relu", make)


@fault("All gradients have the wrong sign.")
def gradient_sign():
    return parameters_in_training(lambda model, shape: lambda path: True, _scaled(-1.0))


@fault("All gradients are scaled, as by the wrong loss scale.", strengths=(10.0, 1.1), matters=1.1)
def gradient_scaled(factor):
    return parameters_in_training(lambda model, shape: lambda path: True, _scaled(factor))


@fault("Gradients are rounded to a mantissa of so many bits: 7 are bfloat16's.", strengths=(2.0, 7.0), matters=7.0)
def gradients_rounded(bits):
    change = with_backward(functools.partial(rounded, bits=int(bits)))
    return parameters_in_training(lambda model, shape: lambda path: True, change)


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
