"""Mistakes of precision: numbers with fewer bits than they should have."""

import jax
import jax.numpy as jnp
from flax.linen import linear
from jax import lax

import zoo.layers.conv
import zoo.training.prepare.network
from verification.faults.applies import has
from verification.faults.fault import fault
from verification.faults.patching import (
    in_training,
    inputs_in_training,
    only_in_training,
    replaced,
    rounded,
    together,
    with_attributes,
    with_backward,
)
from zoo.training.step import step

BITS = {"bfloat16": 7, "tf32": 10}


def _rounded_products(bits):
    """Rounds the factors of all products of convolutions and dense layers, and of their gradients."""

    def both(x):
        return with_backward(lambda gradient: rounded(gradient, bits))(rounded(x, bits))

    def make(right):
        def wrong(x, kernel, window, groups=1):
            y = right(both(x), both(kernel), window, groups)
            return with_backward(lambda gradient: rounded(gradient, bits))(y)

        return wrong

    def dense(left, right, *arguments, **options):
        y = lax.dot_general(both(left), both(right), *arguments, **options)
        return with_backward(lambda gradient: rounded(gradient, bits))(y)

    return together(
        replaced(zoo.layers.conv, "convolution", make),
        replaced(linear, "lax", lambda module: with_attributes(module, dot_general=dense)),
    )


@fault("float32 products are computed with fewer bits, everywhere.", strengths=("bfloat16", "tf32"), matters="bfloat16")
def product_precision(name):
    return _rounded_products(BITS[name])


@fault(
    "float32 products are computed with fewer bits in the compiled training step.",
    strengths=("bfloat16", "tf32"),
    matters="bfloat16",
)
def product_precision_in_training(name):
    return only_in_training(lambda: _rounded_products(BITS[name]))


@fault(
    "Outputs of convolutions have relative noise in the compiled training step.",
    strengths=(0.5, 0.01, 0.001),
    matters=0.01,
    applies=has("Conv"),
)
def convolution_noise(amount):
    def make(right):
        def wrong(x, kernel, window, groups=1):
            y = right(x, kernel, window, groups)
            return y * (1 + amount * jax.random.normal(jax.random.key(0), y.shape, y.dtype))

        return wrong

    return only_in_training(lambda: replaced(zoo.layers.conv, "convolution", make))


@fault(
    "Outputs of dense layers have relative noise in the compiled training step.",
    strengths=(0.5, 0.01, 0.001),
    matters=0.01,
    applies=has("Dense"),
)
def dense_noise(amount):
    def noisy(left, right, *arguments, **options):
        y = lax.dot_general(left, right, *arguments, **options)
        return y * (1 + amount * jax.random.normal(jax.random.key(0), y.shape, y.dtype))

    return only_in_training(lambda: replaced(linear, "lax", lambda module: with_attributes(module, dot_general=noisy)))


@fault("The network computes in bfloat16 where the recipe says float32.")
def network_in_bfloat16():
    def make(right):
        def wrong(name, num_classes, dtype, **options):
            return right(name, num_classes, jnp.dtype(jnp.bfloat16), **options)

        return wrong

    return replaced(zoo.training.prepare.network, "create_model", make)


@fault("The loss is computed from logits in bfloat16.")
def logits_in_bfloat16():
    def make(right):
        def wrong(outputs, *arguments, **options):
            return right(jax.tree.map(lambda each: rounded(each, 7), outputs), *arguments, **options)

        return wrong

    return replaced(step, "sums_of_outputs", make)


@fault("Training inputs are rounded to bfloat16.")
def inputs_rounded():
    return inputs_in_training(lambda images: rounded(images, 7))


@fault("Running statistics are kept in bfloat16.", applies=has("BatchNorm"))
def statistics_rounded():
    def make(right):
        def wrong(*arguments, **options):
            outputs, batch_stats = right(*arguments, **options)
            return outputs, jax.tree.map(lambda each: rounded(each, 7), batch_stats)

        return wrong

    return in_training(make)
