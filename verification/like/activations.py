"""Activations of two networks with the same weights: the first layer whose input or output differs, and why."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from zoo.compilation import run_once
from zoo.inspect.layer_pairs import difference_of_settings
from zoo.inspect.layers import Network, between, describe
from zoo.layers import AvgPool, MaxPool

TOLERANCE = 1e-4  # standard deviations of the reference's activations, as in `verification.architecture.numbers`
FUNCTIONS = ("relu", "relu6", "tanh", "sigmoid", "silu", "gelu", "hard_swish", "hard_sigmoid", "softmax")


class Change(NamedTuple):
    """A change of the reference network that may be what the user's network does.

    Attributes:
      said: how the user's network differs then, such as "without norm1 (LocalResponseNorm)".
      place: number of layers with parameters that have been called before.
      function: name in `flax.linen` of the function that is replaced; "" for none.
      replacement: what it is replaced by.
      module: path of the layer that is replaced; () for none.
    """

    said: str
    place: int
    function: str = ""
    replacement: Callable[..., Any] = lambda x, *_: x
    module: tuple[str, ...] = ()


def tapped(
    network: Network, variables: Any, images: jax.Array, change: Change | None = None, used: set | None = None
) -> tuple[list[Any], jax.Array]:
    """Runs a network in evaluation mode, with a change.

    Args:
      network: the network.
      variables: its variables.
      images: [N, H, W, C].
      change: what to change; None for nothing.
      used: receives (place, name) of each of `FUNCTIONS` that is called; None if that is not needed.

    Returns:
      (input, output) of each layer with parameters, in order; and the logits.
    """
    weighted = {layer.path for layer in network.weighted}
    taps: list[Any] = []

    def record(next_function, args, kwargs, context):
        path = context.module.path
        if context.method_name != "__call__" or not path:
            return next_function(*args, **kwargs)
        if change and change.module == path:
            return change.replacement(next(iter((*args, *kwargs.values()))))
        output = next_function(*args, **kwargs)
        if path in weighted:
            taps.append((next(iter((*args, *kwargs.values()))), output))
        return output

    def replaced(name, function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            if used is not None:
                used.add((len(taps), name))
            if change and (change.function, change.place) == (name, len(taps)):
                return change.replacement(*args)
            return function(*args, **kwargs)

        return call

    with contextlib.ExitStack() as stack:
        for name in FUNCTIONS:
            stack.enter_context(mock.patch.object(nn, name, replaced(name, getattr(nn, name))))
        stack.enter_context(nn.intercept_methods(record))
        logits = network.module.apply(variables, images, train=False)
    return taps, logits


def relative(theirs: jax.Array, ours: jax.Array) -> jax.Array:
    """Returns the largest difference in standard deviations of the reference's values; infinite if shapes differ.

    Values may be flattened in one of them, before a dense layer in place of a convolution over the whole of its input.
    """
    if theirs.ndim != ours.ndim and theirs.size == ours.size:
        theirs = theirs.reshape(ours.shape)
    if theirs.shape != ours.shape:
        return jnp.float32(jnp.inf)
    off = jnp.abs(theirs.astype(jnp.float32) - ours.astype(jnp.float32)).max()
    return jnp.where(jnp.isfinite(off), off / jnp.maximum(ours.astype(jnp.float32).std(), 1e-30), jnp.inf)


def first_difference(
    theirs: Network, ours: Network, variables: Any, reference_variables: Any, images: np.ndarray
) -> tuple[str | None, float]:
    """Compares inputs and outputs of all layers with parameters, and the logits.

    Args:
      theirs, ours: the user's network and the reference network, whose layers agree.
      variables, reference_variables: the same weights for each.
      images: float32 [N, H, W, C].

    Returns:
      A sentence about the first difference, or None; and the largest difference, in standard deviations.
    """
    used: set[tuple[int, str]] = set()

    def compare(variables, reference_variables, images):
        (taps, logits), (right, expected) = (
            tapped(theirs, variables, images),
            tapped(ours, reference_variables, images, used=used),
        )
        errors = [
            [relative(mine, other) for mine, other in zip(*pair, strict=True)] for pair in zip(taps, right, strict=True)
        ]
        return errors, relative(logits, expected)

    with jax.default_matmul_precision("highest"):
        errors, error = run_once(compare, variables, reference_variables, images)
        worst = float(max(np.max(errors, initial=0.0), error))
        if worst <= TOLERANCE:
            return None, worst
        for place, (of_input, of_output) in enumerate(errors):
            if of_input > TOLERANCE:
                changed = _explain(theirs, ours, variables, reference_variables, images, place, used)
                return f"{_where(ours, place)}: {changed}", float(of_input)
            if of_output > TOLERANCE:
                return _of_layer(theirs, ours, place, float(of_output)), float(of_output)
        place = len(errors)
        changed = _explain(theirs, ours, variables, reference_variables, images, place, used)
        return f"{_where(ours, place)}: {changed}", float(error)


def _of_layer(theirs, ours, place, off):
    yours, reference = theirs.weighted[place], ours.weighted[place]
    different = difference_of_settings(yours, reference)
    why = f": {different}" if different else ""
    return (
        f"layer {place + 1}, {yours.name}: its output differs by {off:.1e} standard deviations, for the same input and"
        f" weights as the reference's {reference.name} ({describe(reference)}){why}"
    )


def _where(ours, place):
    names = [layer.name for layer in ours.weighted]
    if place == 0:
        return f"before layer 1, {names[0]}"
    if place == len(names):
        return f"after layer {place}, {names[-1]}"
    return f"between layer {place}, {names[place - 1]}, and layer {place + 1}, {names[place]}"


def _explain(theirs, ours, variables, reference_variables, images, place, used):
    """Returns how the values differ that reach the layer number `place`, or the logits."""

    def arriving(network, weights, change=None):
        def run(weights, images):
            taps, logits = tapped(network, weights, images, change)
            return logits if place == len(taps) else taps[place][0]

        return run_once(run, weights, images)

    found, right = arriving(theirs, variables), arriving(ours, reference_variables)
    # Functions of the reference's values themselves, such as a softmax after the last layer.
    for name in FUNCTIONS:
        function = getattr(nn, name)
        if _close(found, function(right)) and not _close(found, right):
            return f"yours has a further {name}"
    for change in possible_changes(ours, place, used):
        if _close(found, arriving(ours, reference_variables, change)):
            return change.said
    off = float(relative(found, right))
    inside = [f"{layer.name} ({describe(layer)})" for layer in between(ours, place)]
    inside += [name for where, name in sorted(used) if where == place]
    there = f"; the reference has {', '.join(inside)} there" if inside else ""
    return f"values differ by {off:.1e} standard deviations{there}"


def _close(values, expected):
    return float(relative(values, expected)) <= TOLERANCE


def possible_changes(ours: Network, place: int, used: set[tuple[int, str]]) -> Iterator[Change]:
    """Yields changes of what the reference does between two layers with parameters, most likely first.

    Args:
      ours: the reference network.
      place: number of layers with parameters before.
      used: the functions that it calls, with their places.
    """
    functions: Sequence[str] = [name for where, name in sorted(used) if where == place]
    for name in functions:
        yield Change(f"yours has no {name}", place, name)
    inside = between(ours, place)
    for layer in inside:
        if layer.input_shape == layer.output_shape:
            yield Change(f"yours has no {layer.name} ({layer.type})", place, module=layer.path)
    for name in functions:
        for other in FUNCTIONS:
            if other != name:
                said = f"yours has {other} where the reference has {name}"
                yield Change(said, place, name, getattr(nn, other))
    for layer in inside:
        if layer.type in ("MaxPool", "AvgPool"):
            other = {"MaxPool": AvgPool, "AvgPool": MaxPool}[layer.type]
            yield Change(
                f"yours has a pool of another kind than {layer.name} ({layer.type}), such as {other.__name__}",
                place,
                module=layer.path,
                replacement=functools.partial(_pool, other, layer.settings),
            )


def _pool(kind, settings, x):
    return kind(settings["kernel size"], settings["strides"], settings["padding"]).apply({}, x)
