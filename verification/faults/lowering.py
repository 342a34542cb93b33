"""Mistakes of a compiler: convolutions and matrix products lowered wrongly on CPUs, from source that is right."""

import functools

import jax.numpy as jnp
from flax.linen import linear
from jax import lax

from verification.faults.applies import has, layers_of, several
from verification.faults.fault import fault
from verification.faults.patching import replaced, together, with_attributes
from zoo.layers.convolution import fast, onednn


def _lowered(**changes):
    """Changes the results of parts of the lowerings: `change(result, arguments) -> result`."""
    return _parts_replaced(**{part: functools.partial(_changed, change=change) for part, change in changes.items()})


def _parts_replaced(**parts):
    """Replaces parts of the lowerings for CPUs, oneDNN's and the plain one: `make(right) -> wrong`."""

    def make(lowering):
        return lowering._replace(**{part: replace(getattr(lowering, part)) for part, replace in parts.items()})

    return together(replaced(onednn, "ONEDNN", make), replaced(fast, "PLAIN", make))


def _changed(right, change):
    return lambda *arguments, **options: change(right(*arguments, **options), options)


def _strided(recipe):
    return any(layer.kind == "Conv" and layer.attributes["strides"] in (2, (2, 2)) for layer in layers_of(recipe))


@fault("Lowered kernel gradients are scaled.", strengths=(0.5, 0.9, 0.99), matters=0.9, applies=has("Conv"))
def lowered_kernel_gradient(factor):
    return _lowered(kernel_gradient=lambda gradient, options: factor * gradient)


@fault("Lowered kernel gradients lack the last output channel.", applies=has("Conv"))
def lowered_last_channel():
    return _lowered(kernel_gradient=lambda gradient, options: gradient.at[..., -1].set(0))


@fault("Lowered input gradients lack the last column of the image.", applies=several("Conv"))
def lowered_last_column():
    return _lowered(input_gradient=lambda gradient, options: gradient.at[:, :, -1].set(0))


@fault(
    "Lowered input gradients convolve with the kernel as it is, not flipped.",
    applies=several("Conv"),
    bases=("lenet5",),
)
def lowered_kernel_not_flipped():
    def make(right):
        return lambda cotangent, kernel, **options: right(cotangent, kernel[::-1, ::-1], **options)

    return _parts_replaced(input_gradient=make)


@fault(
    "Lowered convolutions are wrong for the images beyond the 16th of a batch.",
    strengths=(0.5, 0.99),
    applies=has("Conv"),
)
def lowered_large_batch(factor):
    return _lowered(forward=lambda y, options: y.at[16:].multiply(factor) if len(y) > 16 else y)


@fault("Lowered convolutions are wrong in the last column.", strengths=(0.0, 0.99), matters=0.99, applies=has("Conv"))
def lowered_border(factor):
    return _lowered(forward=lambda y, options: y.at[:, :, -1].multiply(factor))


@fault("Lowered kernel gradients are wrong for stride 2: the taps are exchanged.", applies=_strided)
def lowered_strided_kernel_gradient():
    def change(gradient, options):
        return jnp.flip(gradient, (0, 1)) if options["window"].strides == (2, 2) else gradient

    return _lowered(kernel_gradient=change)


@fault(
    "Matrix products of dense layers leave out what remains of the inputs after the last whole tile of 16.",
    applies=has("Dense"),
    bases=("mlp", "lenet5"),
)
def product_remainder():
    def wrong(left, right, *arguments, **options):
        length = right.shape[0]
        kept = length - length % 16 if length > 16 else length
        return lax.dot_general(left[..., :kept], right[:kept], *arguments, **options)

    return replaced(linear, "lax", lambda module: with_attributes(module, dot_general=wrong))
