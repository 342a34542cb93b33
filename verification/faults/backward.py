"""Mistakes in the backward passes of pools, batch normalization and activations, whose forward passes are right."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

import zoo.layers.normalization
import zoo.layers.pooling
import zoo.models.articles
from verification.faults.applies import has, lacks, named
from verification.faults.fault import fault
from verification.faults.patching import replaced, rounded, together, with_backward, with_scaled_gradient


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
            return right(with_scaled_gradient(size)(x), window, count_include_pad)

        return wrong

    return replaced(zoo.layers.pooling, "avg_pool", make)


@fault(
    "The gradient of average pools lacks the image's first row: a loop over rows starts at 1.",
    applies=has("AvgPool"),
    bases=("lenet5",),
)
def pool_gradient_lacks_first_row():
    cut = with_backward(lambda gradient: gradient.at[:, 0].set(0))

    def make(right):
        return lambda x, window, count_include_pad: right(cut(x), window, count_include_pad)

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
        return lambda x, scale, bias, epsilon: right(x, with_scaled_gradient(factor)(scale), bias, epsilon)

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault("The gradient of every activation is scaled.", strengths=(0.5, 0.9), matters=0.9, applies=lacks(has("ConvBN")))
def activation_gradient(factor):
    def make(right):
        return lambda x: right(with_scaled_gradient(factor)(x))

    return together(*(replaced(nn, name, make) for name in zoo.models.articles.ACTIVATIONS))


@fault(
    "The backward pass of ReLU is that of a leaky ReLU.",
    strengths=(1.0, 0.1, 0.01),
    matters=0.1,
    applies=named("mlp", "bn_cnn", "squeezenet1_1", "resnet20"),
    bases=("mlp", "bn_cnn"),
)
def relu_backward_leaks(slope):
    def make(right):
        def wrong(x):
            leak = slope * jnp.minimum(x, 0)
            return right(x) + (leak - lax.stop_gradient(leak))

        return wrong

    return replaced(nn, "relu", make)


@fault(
    "ReLU is the maximum of x and 0, whose derivative at 0 is one half.",
    applies=named("bn_cnn"),
    bases=("bn_cnn",),
)
def relu_derivative_at_zero():
    """Black pixels and biases of zero give zeros: the first step is wrong, and later ones differ by it."""
    return replaced(nn, "relu", lambda right: lambda x: jnp.maximum(x, 0))


@fault(
    "The derivative of tanh is computed from its value with a mantissa of so many bits: 7 are bfloat16's.",
    strengths=(4.0, 7.0),
    matters=7.0,
    applies=named("lenet5"),
    bases=("lenet5",),
)
def tanh_derivative_rounded(bits):
    """As if the forward pass kept its outputs in few bits: 1 - y^2 is inexact where y is near 1 or -1."""

    def make(right):
        def wrong(x):
            y = right(x)
            inexact = x * lax.stop_gradient(1 - rounded(y, int(bits)) ** 2)
            return inexact + lax.stop_gradient(y - inexact)

        return wrong

    return replaced(nn, "tanh", make)
