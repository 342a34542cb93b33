"""Activations of a network, by layer name."""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax

from zoo.errors import unknown
from zoo.models.registry import create_model


def features(
    model: str | nn.Module,
    variables: Mapping[str, Any],
    images: jax.Array,
    layers: Sequence[str] | None = None,
) -> dict[str, jax.Array]:
    """Returns the outputs of layers for images, in evaluation mode; works under `jax.jit` with static `layers`.

    Args:
      model: a name from `zoo.list_models()`, or any flax module called as `module(images, train=False)`.
      variables: {"params": ..., "batch_stats": ...}.
      images: float [N, H, W, C].
      layers: names of layers as in `zoo.summarize`, such as "conv1", or of blocks, such as "layer1_0"; None for all.

    Returns:
      The layers' outputs by name, [N, H', W', C'] or [N, features], in execution order.

    Raises:
      ZooError: the network has no such layer; the message names the nearest one.
    """
    model = create_model(model) if isinstance(model, str) else model
    outputs = {}

    def record(next_function, args, kwargs, context):
        output = next_function(*args, **kwargs)
        if context.method_name == "__call__" and context.module.path:
            outputs["/".join(context.module.path)] = output
        return output

    with nn.intercept_methods(record):
        model.apply(variables, images, train=False)
    for layer in layers or ():
        if layer not in outputs:
            raise unknown(f"layer of {type(model).__name__}", layer, outputs)
    return {layer: output for layer, output in outputs.items() if layers is None or layer in layers}
