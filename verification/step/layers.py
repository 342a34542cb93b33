"""Batch normalization and dropout in training, written down a second time, as interceptors of the zoo's layers."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from zoo.layers.normalization import BatchNorm

# What rounding may change in running statistics: relative to the spread of a batch's activations (their standard
# deviation or variance), to the root of their mean square or to that itself, and to the new statistics. Those of layers
# that are not the zoo's may be off by the first of these, in running standard deviations or relative to themselves.
OF_SPREAD, OF_SQUARE, OF_RESULT = 2e-4, 1e-5, 5e-7


def tolerances(stats: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the tolerances of running statistics of any layer: for means, in standard deviations where there are."""

    def unit(path):
        layer, _, kind = path.rpartition("/")
        return np.sqrt(stats[f"{layer}/var"]) if kind == "mean" and f"{layer}/var" in stats else np.abs(stats[path])

    return {path: OF_SPREAD * unit(path) for path in stats}


def normalization(
    moments: dict[str, jax.Array], allowed: dict[str, jax.Array], frozen: frozenset[tuple[str, ...]]
) -> Callable:
    """Makes an interceptor that normalizes by two passes over the batch.

    Args:
      moments: receives the new running statistics, by path.
      allowed: receives by how much rounding may change them: in float32, of activations that other kernels computed,
        and of the variance as the mean square minus the squared mean.
      frozen: paths of the layers that use their running statistics, and leave them as they are.
    """

    def intercept(next_function, arguments, options, context):
        layer = context.module
        if not isinstance(layer, BatchNorm) or context.method_name != "__call__":
            return next_function(*arguments, **options)
        x = arguments[0].astype(jnp.float32)
        if layer.path in frozen:  # as in evaluation
            return normalized(layer, x, *(layer.get_variable("batch_stats", name) for name in ("mean", "var")))
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axes)
        variance = ((x - mean) ** 2).mean(axes)
        share, square = 1 - layer.momentum, variance + mean**2
        for name, batch, spread, size in (
            ("mean", mean, jnp.sqrt(variance), jnp.sqrt(square)),
            ("var", variance, variance, square),
        ):
            path = "/".join((*layer.path, name))
            old = layer.get_variable("batch_stats", name)
            moments[path] = layer.momentum * old + share * batch
            allowed[path] = share * (OF_SPREAD * spread + OF_SQUARE * size) + OF_RESULT * jnp.abs(moments[path])
        return normalized(layer, x, mean, variance)

    def normalized(layer, x, mean, variance):
        y = (x - mean) / jnp.sqrt(variance + layer.epsilon)
        scale = layer.get_variable("params", "scale") if layer.use_scale else 1.0
        return (y * scale + layer.get_variable("params", "bias")).astype(layer.dtype)

    return intercept


def dropout(position: jax.Array) -> Callable:
    """Makes an interceptor with which each example's mask is drawn from the key of its position in the global batch."""

    def intercept(next_function, arguments, options, context):
        layer = context.module
        if not isinstance(layer, nn.Dropout) or context.method_name != "__call__":
            return next_function(*arguments, **options)
        deterministic = layer.deterministic if layer.deterministic is not None else options.get("deterministic")
        if deterministic or layer.rate == 0:
            return next_function(*arguments, **options)
        (x,) = arguments
        key = layer.make_rng(layer.rng_collection)
        shape = tuple(1 if axis in layer.broadcast_dims else size for axis, size in enumerate((1, *x.shape[1:])))
        keep = jax.vmap(lambda place: jax.random.bernoulli(jax.random.fold_in(key, place), 1 - layer.rate, shape)[0])(
            position
        )
        return jnp.where(keep, x / (1 - layer.rate), 0.0).astype(x.dtype)

    return intercept
