"""Evaluation of a traced function in float64, though its code computes in float32."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

# Parameters of primitives that call another function, which is evaluated in place: without its own derivatives.
CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")
CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint")
IMAGES = ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))  # dimension numbers of NHWC images and HWIO kernels


def in_float64(function: Callable, *arguments: Any) -> Callable:
    """Returns the function with every float32 operation in float64, for arguments of these shapes and types.

    The result must be traced and called under `jax.enable_x64`. Random numbers stay as they are. Convolutions are
    matrix products with the pixels in their windows, since XLA compiles float64 ones to slow loops on CPUs.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    outputs = jax.tree.structure(shape)

    def evaluated(*arguments):
        return jax.tree.unflatten(outputs, _evaluate(closed, map(_widened, jax.tree.leaves(arguments))))

    return evaluated


def _evaluate(closed, arguments):
    """Returns the results of a closed jaxpr, for arguments that are float64 where it expects float32."""
    jaxpr = closed.jaxpr
    values = dict(zip(jaxpr.constvars, map(_widened, closed.consts), strict=True))
    values.update(zip(jaxpr.invars, arguments, strict=True))

    def read(variable):
        if isinstance(variable, Literal):
            return _widened(np.asarray(variable.val, variable.aval.dtype))
        return values[variable]

    for equation in jaxpr.eqns:
        results = _apply(equation, [read(variable) for variable in equation.invars])
        values.update(zip(equation.outvars, map(_widened, results), strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _apply(equation, inputs):
    name, params = equation.primitive.name, equation.params
    if name in CALLS:
        called = next(params[key] for key in CALLED if key in params)
        return _evaluate(called if isinstance(called, ClosedJaxpr) else ClosedJaxpr(called, ()), inputs)
    if name == "conv_general_dilated" and _is_plain(params):
        return [_convolution(*inputs, params)]
    if name != "bitcast_convert_type":  # a step of random number generation, whose bits are those of a float32
        params = {key: np.dtype(np.float64) if _is_float32(value) else value for key, value in params.items()}
    results = equation.primitive.bind(*inputs, **params)
    return results if equation.primitive.multiple_results else [results]


def _is_float32(value):
    return isinstance(value, np.dtype | type) and value in (np.dtype(np.float32), np.float32, jnp.float32)


def _widened(value):
    return jnp.asarray(value, jnp.float64) if getattr(value, "dtype", None) == np.float32 else value


def _is_plain(params):
    undilated = math.prod((*params["lhs_dilation"], *params["rhs_dilation"])) == 1
    return tuple(params["dimension_numbers"]) == IMAGES and undilated and params["batch_group_count"] == 1


def _convolution(images, kernel, params):
    """Returns the convolution of images [N, H, W, C] by a kernel [h, w, C / groups, features]."""
    groups, strides = params["feature_group_count"], params["window_strides"]
    padded = jax.lax.pad(
        images, images.dtype.type(0), [(0, 0, 0), *((*pads, 0) for pads in params["padding"]), (0, 0, 0)]
    )
    height, width, inputs, features = kernel.shape
    rows, columns = (
        (size - taps) // stride + 1
        for size, taps, stride in zip(padded.shape[1:3], (height, width), strides, strict=True)
    )
    ends = [(size - 1) * stride + 1 for size, stride in zip((rows, columns), strides, strict=True)]
    taps = [
        padded[:, row : row + ends[0] : strides[0], column : column + ends[1] : strides[1]]
        for row in range(height)
        for column in range(width)
    ]
    if inputs == 1 and groups == features:
        return sum(tap * weight for tap, weight in zip(taps, kernel.reshape(-1, features), strict=True))
    if groups == 1:
        return jnp.concatenate(taps, -1) @ kernel.reshape(-1, features)
    patches = jnp.stack(taps, 3).reshape(len(images), rows, columns, len(taps), groups, inputs)
    kernel = kernel.reshape(len(taps), inputs, groups, features // groups)
    return jnp.einsum("nhwtgc,tcgf->nhwgf", patches, kernel).reshape(len(images), rows, columns, features)
