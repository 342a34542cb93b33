"""Faster convolution for CPUs with the same values as `lax.conv_general_dilated`; see `zoo.layers.lowering`.

On other platforms it lowers to `lax.conv_general_dilated`.
"""

import functools
from typing import Any

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from zoo.layers.convolution import onednn
from zoo.layers.convolution.plain import PLAIN
from zoo.layers.convolution.xla import XLA, Lowering
from zoo.layers.window import Window


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolution(x: jax.Array, kernel: jax.Array, window: Window, groups: int) -> jax.Array:
    """Computes a 2-D cross-correlation; see `zoo.layers.convolution.convolution`.

    It is differentiable any number of times in reverse mode (`jax.grad`, `jax.vjp`), but not in forward mode.
    """
    return _bind(x, kernel, part="forward", window=window, groups=groups)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def input_gradient(
    cotangent: jax.Array, kernel: jax.Array, window: Window, groups: int, image_size: tuple[int, int]
) -> jax.Array:
    """Returns the gradient [N, *image_size, C] with respect to the input, for a cotangent [N, H', W', features]."""
    return _bind(cotangent, kernel, part="input_gradient", window=window, groups=groups, image_size=image_size)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def kernel_gradient(x: jax.Array, cotangent: jax.Array, window: Window, groups: int) -> jax.Array:
    """Returns the gradient [kh, kw, C / groups, features] with respect to the kernel."""
    return _bind(x, cotangent, part="kernel_gradient", window=window, groups=groups)


# A convolution is linear in each of its arguments, and so are its two gradients: the derivatives of each of the three
# functions are the other two.
convolution.defvjp(
    lambda x, kernel, window, groups: (convolution(x, kernel, window, groups), (x, kernel)),
    lambda window, groups, saved, cotangent: (
        input_gradient(cotangent, saved[1], window, groups, saved[0].shape[1:3]),
        kernel_gradient(saved[0], cotangent, window, groups),
    ),
)
input_gradient.defvjp(
    lambda y, kernel, window, groups, image_size: (input_gradient(y, kernel, window, groups, image_size), (y, kernel)),
    lambda window, groups, image_size, saved, cotangent: (
        convolution(cotangent, saved[1], window, groups),
        kernel_gradient(cotangent, saved[0], window, groups),
    ),
)
kernel_gradient.defvjp(
    lambda x, y, window, groups: (kernel_gradient(x, y, window, groups), (x, y)),
    lambda window, groups, saved, cotangent: (
        input_gradient(saved[1], cotangent, window, groups, saved[0].shape[1:3]),
        convolution(saved[0], cotangent, window, groups),
    ),
)

# A single custom primitive in the traced program, lowered differently on each platform. The alternative,
# `lax.platform_dependent`, would trace the program of every platform each time, and does not know about export.
_primitive = Primitive("zoo_convolution")


@functools.partial(jax.jit, static_argnames=("part", "window", "groups", "image_size"), inline=True)
def _bind(*arrays, **parameters):
    return _primitive.bind(*arrays, **parameters)


def _apply(lowering: Lowering, *arrays: Any, part: str, **parameters: Any) -> Any:
    return getattr(lowering, part)(*arrays, **parameters)


@_primitive.def_impl
def _run(*arrays: jax.Array, **parameters: Any) -> jax.Array:
    """Evaluates the primitive eagerly: it is compiled even outside of `jax.jit` and where that is disabled."""
    with jax.disable_jit(False):
        return _bind(*arrays, **parameters)


@_primitive.def_abstract_eval
def _abstract(left, right, **parameters):
    shape = jax.eval_shape(functools.partial(_apply, XLA, **parameters), *map(_plain, (left, right))).shape
    # The abstract value of a product of both: JAX derives over which mesh axes it varies.
    product = jax.make_jaxpr(lambda left, right: lax.broadcast(left.sum() * right.sum(), shape))
    return product(left, right).out_avals[0]


def _plain(aval):
    return jax.core.ShapedArray(aval.shape, aval.dtype)


def _lower(context, *arrays, cpu, **parameters):
    lowering = XLA
    if cpu:
        # An exported program has to run on other machines and with later versions.
        exporting = context.module_context.lowering_parameters.for_export
        usable = not exporting and onednn.can_compute(*context.avals_in)
        lowering = onednn.ONEDNN if usable else PLAIN
    function = mlir.lower_fun(functools.partial(_apply, lowering), multiple_results=False)
    return function(context.replace(avals_in=[*map(_plain, context.avals_in)]), *arrays, **parameters)


# Not inlined: equal layers become calls of one function, which compiles faster.
mlir.register_lowering(_primitive, functools.partial(_lower, cpu=False), inline=False)
mlir.register_lowering(_primitive, functools.partial(_lower, cpu=True), platform="cpu", inline=False)


def _batch(arrays, axes, **parameters):
    return jax.vmap(functools.partial(_apply, XLA, **parameters), axes)(*arrays), 0


batching.primitive_batchers[_primitive] = _batch
