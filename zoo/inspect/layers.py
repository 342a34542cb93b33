"""The layers of a network in the order of their calls, with their shapes and settings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

from zoo.errors import ZooError, printable, reason

# Attributes of layers that may explain a difference, by the name that sentences use.
SETTINGS = {
    "padding": ("padding",),
    "strides": ("strides",),
    "kernel size": ("kernel_size", "window"),
    "dilation": ("kernel_dilation", "dilation"),
    "groups": ("groups", "feature_group_count"),
    "epsilon": ("epsilon",),
    "momentum": ("momentum",),
}


class Layer(NamedTuple):
    """A call of a layer.

    Attributes:
      path: of the module in the network.
      type: name of its class.
      input_shape, output_shape: of an image, without the batch; empty if it is not an array.
      params, stats: shapes of its own trainable parameters and running statistics, by name.
      settings: the `SETTINGS` that the module has, as its attributes state them.
    """

    path: tuple[str, ...]
    type: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    params: Mapping[str, tuple[int, ...]]
    stats: Mapping[str, tuple[int, ...]]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The path, joined by "/"."""
        return printable("/".join(self.path))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of all parameters, sorted."""
        return sorted(self.params.values())


class Network(NamedTuple):
    """What is known of a network without running it.

    Attributes:
      module: the network.
      input_shape: (height, width, channels) that it was traced for.
      layers: all calls of modules that call no other module or have parameters, in order.
      logits: number of outputs.
      variables: shapes and dtypes of its variables, by collection.
    """

    module: nn.Module
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    logits: int
    variables: Mapping[str, Any]

    @property
    def weighted(self) -> tuple[Layer, ...]:
        """The layers that have parameters or running statistics."""
        return tuple(layer for layer in self.layers if layer.params or layer.stats)


def trace(module: nn.Module, input_shape: tuple[int, ...]) -> Network:
    """Traces a network for images (height, width, channels), without allocating its parameters.

    Raises:
      ZooError: it cannot be called as `module(images, train=False)` for these images, or returns no [N, K] array.
    """
    calls: list[tuple[nn.Module, Any, Any, bool]] = []

    def record(next_function, args, kwargs, context):
        if context.method_name != "__call__":
            return next_function(*args, **kwargs)
        inner = len(calls)
        output = next_function(*args, **kwargs)
        calls.append((context.module, next(iter((*args, *kwargs.values())), None), output, len(calls) == inner))
        return output

    def init():
        return module.init_with_output(jax.random.key(0), jnp.zeros((1, *input_shape)), train=False)

    size = "x".join(map(str, input_shape))
    try:
        with nn.intercept_methods(record):
            logits, variables = jax.eval_shape(init)
    except Exception as error:  # of the user's code
        said = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {reason(error)}"
        raise ZooError(
            f"{type(module).__name__} cannot be called as module(images, train=False) for images of {size}: {said}"
        ) from None
    if not hasattr(logits, "shape") or len(logits.shape) != 2:
        raise ZooError(f"{type(module).__name__} does not return logits [N, K] for images of {size}")
    flat = {name: traverse_util.flatten_dict(variables.get(name, {})) for name in ("params", "batch_stats")}
    layers = []
    for called, received, output, leaf in calls:
        params, stats = (
            {path[-1]: array.shape for path, array in flat[name].items() if path[:-1] == called.path} for name in flat
        )
        if (leaf or params or stats) and called.path:
            before, after, name = _shape(received), _shape(output), type(called).__name__
            layers.append(Layer(called.path, name, before, after, params, stats, _settings(called)))
        elif params or stats:
            raise ZooError(
                f"{type(module).__name__} has parameters of its own ({', '.join(params)}): put them into a layer"
            )
    return Network(module, tuple(input_shape), tuple(layers), logits.shape[-1], variables)


def _shape(value):
    leaves = jax.tree.leaves(value)
    return tuple(leaves[0].shape[1:]) if leaves and hasattr(leaves[0], "shape") else ()


def _settings(module):
    found = {}
    for name, attributes in SETTINGS.items():
        for attribute in attributes:
            if hasattr(module, attribute):
                found[name] = getattr(module, attribute)
    return found


def describe(layer: Layer) -> str:
    """Returns the type of a layer, with the shape of its largest parameter if it has any."""
    largest = max(layer.params.values(), key=math.prod, default=None)
    return f"{layer.type} {times(largest)}" if largest and len(largest) > 1 else layer.type


def between(network: Network, place: int) -> Sequence[Layer]:
    """Returns the layers without parameters before the layer with parameters number `place`, counted from 0.

    They end at the layer with parameters before that; for `place` behind the last, they are those at the end.
    """
    found, passed = [], 0
    for layer in network.layers:
        if layer.params or layer.stats:
            passed += 1
        elif passed == place:
            found.append(layer)
    return found


def plain(value: Any) -> str:
    """Returns a setting as text, with strings unquoted."""
    return printable(f"{value:g}" if isinstance(value, float) else value)


def times(shape: Sequence[int]) -> str:
    """Returns a shape as text, such as "13x13x256"."""
    return "x".join(map(str, shape)) or "a number"
