"""Frozen parameters, and learning-rate multipliers for groups of parameters."""

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import optax
from flax import traverse_util
from jax import lax

from zoo.errors import ZooError
from zoo.recipe import Transfer


def frozen_parameters(transfer: Transfer | None, params: Iterable[str], drawn: Iterable[str] = ()) -> frozenset[str]:
    """Returns the paths of the parameters that a recipe freezes, such as "conv1/kernel".

    Args:
      transfer: the recipe's; None freezes nothing.
      params: paths of all parameters of the network.
      drawn: paths of the parameters that are re-initialized.

    Raises:
      ZooError: a pattern of `frozen` or `rates` matches nothing, or a re-initialized parameter or all parameters would
        be frozen.
    """
    if transfer is None:
        return frozenset()
    params = set(params)
    for field, patterns in (("frozen", transfer.frozen), ("rates", transfer.rates)):
        for pattern in patterns:
            if not fnmatch.filter(params, pattern):
                raise ZooError(f"transfer.{field}: no parameter of the network matches {pattern!r}")
    frozen = frozenset(path for pattern in transfer.frozen for path in fnmatch.filter(params, pattern))
    if both := sorted(frozen & set(drawn)):
        raise ZooError(f"transfer.frozen: {both[0]} is re-initialized and must be trained")
    if frozen == params:
        raise ZooError("transfer.frozen: all parameters are frozen; nothing is left to train")
    return frozen


def freeze_and_scale(
    optimizer: optax.GradientTransformation, transfer: Transfer | None, frozen: frozenset[str]
) -> optax.GradientTransformation:
    """Wraps an optimizer: zero updates for frozen parameters, and updates times the factors in `transfer.rates`.

    No optimizer state is kept for frozen parameters. The factor also scales the weight decay that the optimizer adds,
    as if it multiplied the learning rate.
    """
    if transfer is None:
        return optimizer

    def scaled(updates, state, params=None):
        return traverse_util.path_aware_map(lambda path, update: _times(update, rate_of(path)), updates), state

    def rate_of(path):
        name = "/".join(map(str, path))
        return next(
            (rate for pattern, rate in reversed(list(transfer.rates.items())) if fnmatch.fnmatchcase(name, pattern)),
            1.0,
        )

    def groups(params):
        return traverse_util.path_aware_map(
            lambda path, _: "frozen" if "/".join(map(str, path)) in frozen else "trained", params
        )

    if transfer.rates:
        optimizer = optax.chain(optimizer, optax.GradientTransformation(lambda params: optax.EmptyState(), scaled))
    return optax.partition({"trained": optimizer, "frozen": optax.set_to_zero()}, groups) if frozen else optimizer


def _times(update, rate):
    # A frozen parameter has only optax's placeholder here.
    return update if isinstance(update, optax.MaskedNode) else update * rate


def without_gradient(params: Mapping[str, Any], frozen: frozenset[str]) -> Mapping[str, Any]:
    """Stops the gradient at frozen parameters, so that the part of the backward pass that only they need is skipped."""
    if not frozen:
        return params
    return traverse_util.path_aware_map(
        lambda path, value: lax.stop_gradient(value) if "/".join(map(str, path)) in frozen else value, params
    )


def frozen_layers(frozen: frozenset[str], params: Mapping[str, Any]) -> frozenset[tuple[str, ...]]:
    """Returns the paths of the layers whose parameters are all frozen."""
    by_layer: dict[tuple[str, ...], list[bool]] = {}
    for path in traverse_util.flatten_dict(dict(params)):
        by_layer.setdefault(path[:-1], []).append("/".join(map(str, path)) in frozen)
    return frozenset(layer for layer, flags in by_layer.items() if all(flags))


def keep_frozen_statistics(
    new: Mapping[str, Any], old: Mapping[str, Any], layers: frozenset[tuple[str, ...]]
) -> Mapping[str, Any]:
    """Returns the new running statistics, with the old ones for `layers`: averaging over devices may round."""
    if not layers:
        return new
    before = traverse_util.flatten_dict(dict(old))
    return traverse_util.path_aware_map(lambda path, value: before[path] if path[:-1] in layers else value, new)


def normalize_as_in_evaluation(layers: frozenset[tuple[str, ...]]) -> Callable:
    """Makes a Flax interceptor with which batch normalization in `layers` uses its running statistics unchanged."""

    def intercept(next_function, args, kwargs, context):
        module = context.module
        if (
            module.path not in layers
            or getattr(module, "use_running_average", True)
            or context.method_name != "__call__"
        ):
            return next_function(*args, **kwargs)
        fixed = module.clone(use_running_average=True, parent=module.scope)
        # `nn.BatchNorm` also takes use_running_average as an argument of the call, which would contradict the field.
        return fixed(*args[:1], **{name: value for name, value in kwargs.items() if name != "use_running_average"})

    return intercept
