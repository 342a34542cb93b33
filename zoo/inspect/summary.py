"""Layer table of a network: names, shapes, parameters and multiply-adds, computed without allocating parameters."""

import math
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

from zoo.errors import ZooError
from zoo.layers import Conv
from zoo.models.registry import create_model, find_entry, name_of


class Row(NamedTuple):
    """A row of the layer table.

    Attributes:
      name: the layer's path in the module, joined by "/"; also the path of its parameters.
      type: name of its class.
      output_shape: without the batch dimension: (height, width, channels) or (features,).
      params: number of trainable parameters.
      macs: multiply-adds for one image, of convolutions and linear layers only, including taps on padding.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    params: int
    macs: int


class Summary(NamedTuple):
    """The layer table of a network.

    Attributes:
      rows: the layers in execution order.
      input_shape: (height, width, channels) of the image.
      params: total number of trainable parameters.
      batch_stats: total number of running statistics.
      macs: total multiply-adds for one image.
    """

    rows: tuple[Row, ...]
    input_shape: tuple[int, ...]
    params: int
    batch_stats: int
    macs: int


def summarize(
    model: str | nn.Module, input_shape: tuple[int, ...] | None = None, num_classes: int | None = None
) -> Summary:
    """Computes the layer table of a model.

    Args:
      model: a name from `list_models`, or any flax module called as `module(images, train=False)`.
      input_shape: (height, width, channels) of one image; the canonical input if None.
      num_classes: number of logits, if `model` is a name; the canonical network's if None.

    Raises:
      ZooError: the name is unknown, the image is too small, `input_shape` is missing for a module that is not from the
        zoo, or `num_classes` is given for a module.
    """
    name = model if isinstance(model, str) else name_of(model)
    if isinstance(model, str):
        model = create_model(model, num_classes)
    elif num_classes is not None:
        raise ZooError(
            f"num_classes={num_classes} requires the name of a model; this {type(model).__name__} has its own"
        )
    if input_shape is None:
        if name is None:
            raise ZooError(
                f"{type(model).__name__} is not one of the zoo's networks: pass input_shape=(height, width, channels)"
            )
        input_shape = find_entry(name).input_shape

    # (module, output, whether it called no other module), in the order in which the calls end.
    calls: list[tuple[nn.Module, Any, bool]] = []

    def record(next_function, args, kwargs, context):
        if context.method_name != "__call__":
            return next_function(*args, **kwargs)
        inner = len(calls)
        output = next_function(*args, **kwargs)
        calls.append((context.module, output, len(calls) == inner))
        return output

    def init(key):
        return model.init(key, jnp.zeros((1, *input_shape)), train=False)

    with nn.intercept_methods(record):
        variables = jax.eval_shape(init, jax.random.key(0))

    params = traverse_util.flatten_dict(variables.get("params", {}))
    rows, counted = [], set()
    for module, output, leaf in calls:
        own = [path for path in params if path[:-1] == module.path]
        if leaf or own:
            # The parameters of a module that is called twice are counted once.
            size = 0 if module.path in counted else sum(math.prod(params[path].shape) for path in own)
            counted.add(module.path)
            shape = jax.tree.leaves(output)[0].shape
            rows.append(
                Row("/".join(module.path), type(module).__name__, shape[1:], size, _macs(module, shape, params))
            )
    return Summary(
        rows=tuple(rows),
        input_shape=tuple(input_shape),
        params=sum(math.prod(array.shape) for array in params.values()),
        batch_stats=sum(math.prod(array.shape) for array in jax.tree.leaves(variables.get("batch_stats", {}))),
        macs=sum(row.macs for row in rows),
    )


def _macs(module, shape, params):
    if not isinstance(module, Conv | nn.Conv | nn.Dense):
        return 0
    # Each output pixel uses every weight of the kernel once: [kh, kw, in / groups, out], or [in, out].
    return math.prod(shape[1:-1]) * math.prod(params[*module.path, "kernel"].shape)
