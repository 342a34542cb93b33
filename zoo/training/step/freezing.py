"""Parameters that do not move, and others that move faster or slower than the rest."""

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import optax
from flax import traverse_util
from jax import lax

from zoo.errors import ZooError
from zoo.recipe import Transfer


def frozen_parameters(transfer: Transfer | None, params: Iterable[str], drawn: Iterable[str] = ()) -> frozenset[str]:
    """The parameters that a recipe freezes, such as "conv1/kernel".

    Args:
      transfer: the recipe's.
      params: all parameters of the network.
      drawn: those that are drawn anew.

    Raises:
      ZooError: a pattern of `frozen` or `rates` matches nothing, what is drawn anew would be frozen, or all would be.
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
        raise ZooError(f"transfer.frozen: {both[0]} is drawn anew and would never learn")
    if frozen == params:
        raise ZooError("transfer.frozen: all parameters are frozen, nothing is left to train")
    return frozen


def around_optimizer(
    optimizer: optax.GradientTransformation, transfer: Transfer | None, frozen: frozenset[str]
) -> optax.GradientTransformation:
    """An optimizer whose updates are zero for frozen parameters, and times their factor for those in `rates`.

    It keeps no state for what is frozen. What the optimizer adds for weight decay is multiplied too, as if the factor
    were on the learning rate.
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
    # Of a frozen parameter there is nothing here but optax's placeholder.
    return update if isinstance(update, optax.MaskedNode) else update * rate


def without_gradient(params: Mapping[str, Any], frozen: frozenset[str]) -> Mapping[str, Any]:
    """The same parameters, where no gradient flows to the frozen ones: what only they need is not computed."""
    if not frozen:
        return params
    return traverse_util.path_aware_map(
        lambda path, value: lax.stop_gradient(value) if "/".join(map(str, path)) in frozen else value, params
    )


def frozen_layers(frozen: frozenset[str], params: Mapping[str, Any]) -> frozenset[tuple[str, ...]]:
    """The paths of the layers all of whose parameters are frozen."""
    by_layer: dict[tuple[str, ...], list[bool]] = {}
    for path in traverse_util.flatten_dict(dict(params)):
        by_layer.setdefault(path[:-1], []).append("/".join(map(str, path)) in frozen)
    return frozenset(layer for layer, those in by_layer.items() if all(those))


def kept_statistics(
    new: Mapping[str, Any], old: Mapping[str, Any], layers: frozenset[tuple[str, ...]]
) -> Mapping[str, Any]:
    """The new moving statistics, but for frozen layers the old ones: averaging over devices may round."""
    if not layers:
        return new
    kept = traverse_util.flatten_dict(dict(old))
    return traverse_util.path_aware_map(lambda path, value: kept[path] if path[:-1] in layers else value, new)


def normalize_as_in_evaluation(layers: frozenset[tuple[str, ...]]) -> Callable:
    """An interceptor that makes batch normalization in these layers use, and leave alone, its moving statistics."""

    def intercept(next_function, args, kwargs, context):
        module = context.module
        if (
            module.path not in layers
            or getattr(module, "use_running_average", True)
            or context.method_name != "__call__"
        ):
            return next_function(*args, **kwargs)
        fixed = module.clone(use_running_average=True, parent=module.scope)
        # Flax's own may be told in the call: whatever follows the image there, it would contradict.
        return fixed(*args[:1], **{name: value for name, value in kwargs.items() if name != "use_running_average"})

    return intercept
