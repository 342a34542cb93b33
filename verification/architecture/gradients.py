"""Comparison of gradients, as training computes them, with finite differences of the same function in float64."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from verification.architecture.float64 import in_float64
from zoo.compilation import compile_quickly
from zoo.layers.lowering import convolution_lowering

DIRECTIONS = 2
ROUNDED = 3  # gradients at parameters that are moved by rounding, to see what that does to them
UNIT = 2.0**-23  # of rounding in float32, relative
# Relative to the parameters, which move by at most this. Differences of a loss in float64 are then rounded to about
# 1e-9 of it, and it is rare that a unit or a maximum changes sides within the step.
STEP = 2.0**-22
# Of gradients by rounding in float32, as a fraction of each parameter's, and independent for each. Measured: 1e-8 to
# 2e-6 in plain networks; up to 3e-4 with batch normalization (ShuffleNet), which amplifies errors in small batches.
ROUNDING = 1e-3
LARGEST_LIMIT = 1.0  # above, an error as large as the whole gradient of one parameter would not show
POINTS = 3
NOISE = 0.1  # relative to the size of a parameter
# A parameter that changes the loss by less than this fraction of what the most influential one does counts by less.
LEAST_INFLUENCE = 1e-3

Tree = Mapping[str, Any]
Flat = Mapping[str, np.ndarray]


def compare_gradients(
    loss: Callable[[Tree], jax.Array], gradient: Callable[[Tree], Tree], params: Tree
) -> tuple[bool | None, str]:
    """Returns whether a gradient is that of the loss, None if rounding hides it, and a message.

    All parameters move together along random directions, in which each contributes about equally to the change of the
    loss, so that an error of a few percent in the gradient of one of them is found. A parameter that is at fault is
    then named by moving each alone.

    A unit or a maximum may be so near to its kink that rounding in float32 puts it on the other side, which changes the
    gradient of everything before it. So the comparison is repeated, if it fails, at up to `POINTS` points; a wrong
    gradient is wrong at all of them. How far rounding moves a gradient is seen by moving the parameters by a unit in
    the last place: in a deep network with batch normalization over few values, that may hide what is to be found.

    Args:
      loss: function of the parameters, without side effects.
      gradient: function of the parameters that returns the gradient, of the same structure, as training computes it.
      params: float32 parameters, nested by module.
    """
    random = np.random.default_rng(0)
    start = {path: np.asarray(values) for path, values in traverse_util.flatten_dict(params, sep="/").items()}
    value = _compiled(loss, start)
    for point in range(POINTS):
        noise = NOISE if point else 0.0
        at = {
            path: (values + noise * _size(values) * random.standard_normal(values.shape)).astype(np.float32)
            for path, values in start.items()
        }
        found = _flat_gradient(gradient, at)
        moved = [_flat_gradient(gradient, _rounded(at, random)) for _ in range(ROUNDED)]
        passed, message = _compare(value, found, moved, at, random, naming=point == POINTS - 1)
        if passed is not False:
            break
    return passed, message + (f"; at point {point + 1}" if point else "")


def _flat_gradient(gradient, params):
    return traverse_util.flatten_dict(gradient(traverse_util.unflatten_dict(params, sep="/")), sep="/")


def _rounded(params, random):
    """Moves each value by a unit in the last place, up or down."""
    return {
        path: (values * (1 + UNIT * random.choice((-1, 1), values.shape))).astype(np.float32)
        for path, values in params.items()
    }


def _compare(value, gradients, moved, params, random, naming):
    """Returns whether gradients of `value` are right at one point, None if that cannot be seen, and a message.

    The message names wrong ones, if `naming`. `moved` are the gradients at parameters moved by rounding.
    """
    params, gradients = (
        {path: np.asarray(values, np.float64) for path, values in flat.items()} for flat in (params, gradients)
    )
    if not any(np.any(values) for values in gradients.values()):
        return False, "the gradient of every parameter is zero"
    directions = [_direction(random, params, gradients) for _ in range(DIRECTIONS)]

    def along(gradient, direction):
        return sum(float(np.vdot(gradient[path], step)) for path, step in direction.items())

    def error(direction, multiple=1):
        return abs(along(gradients, direction) - _central_difference(value, params, direction, multiple * STEP))

    errors = [error(direction) for direction in directions]
    # The error of a central difference is that of the square of its step (Richardson 1911).
    differences = abs(errors[0] - error(directions[0], multiple=2))
    rounding = max(
        abs(along(other, direction) - along(gradients, direction)) for other in moved for direction in directions
    )
    limit = max(ROUNDING * math.sqrt(len(params)), ROUNDED * rounding) + differences
    measured = f"differ from differences in float64 by {max(errors):.1e} of one parameter's share, limit {limit:.1e}"
    passed = max(errors) <= limit
    if passed and limit > LARGEST_LIMIT:
        return (
            None,
            f"rounding hides an error in one parameter: it moves derivatives by {rounding:.1e} of its share",
        )
    if passed or not naming:
        return passed, f"derivatives of {len(params)} parameters along {DIRECTIONS} directions {measured}"
    alone = {path: error({path: directions[0][path]}) for path in params}
    worst = sorted(alone, key=lambda path: alone[path], reverse=True)[:3]
    return False, f"derivatives {measured}; most in {', '.join(f'{path} ({alone[path]:.1e})' for path in worst)}"


def _direction(random: np.random.Generator, params: Flat, gradients: Flat) -> Flat:
    """Returns a random direction in which the change of the loss due to each parameter has standard deviation 1."""
    sizes = {path: _size(values) for path, values in params.items()}
    influence = {path: float(np.linalg.norm(gradients[path])) * sizes[path] for path in params}
    least = LEAST_INFLUENCE * max(influence.values())
    return {
        path: random.standard_normal(values.shape) * (sizes[path] / max(influence[path], least))
        for path, values in params.items()
    }


def _size(values: np.ndarray) -> float:
    """Returns the root of the mean square; 1 for parameters that are all zero."""
    return float(np.sqrt(np.mean(values**2))) or 1.0


def _compiled(loss: Callable[[Tree], jax.Array], params: Flat) -> Callable[[Flat], float]:
    """Compiles the loss in float64 for the CPU, with JAX's own operations."""
    with convolution_lowering("xla"):
        exact = in_float64(
            lambda flat: loss(traverse_util.unflatten_dict(flat, sep="/")),
            {path: jax.ShapeDtypeStruct(values.shape, np.float32) for path, values in params.items()},
        )
    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        compiled = compile_quickly(exact, {path: np.asarray(values, np.float64) for path, values in params.items()})

    def value(params):
        with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
            return float(compiled(params))

    return value


def _central_difference(value: Callable[[Flat], float], params: Flat, direction: Flat, step: float) -> float:
    """Returns the derivative along a direction, for a step relative to the parameters' sizes."""
    distance = step / max(float(np.abs(change).max()) / _size(params[path]) for path, change in direction.items())
    after, before = (
        value({**params, **{path: params[path] + sign * distance * change for path, change in direction.items()}})
        for sign in (1, -1)
    )
    return (after - before) / (2 * distance)
