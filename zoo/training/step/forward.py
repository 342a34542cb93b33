"""The forward pass in training: frozen layers, and dropout masks that do not depend on the number of devices."""

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax

from zoo.training.step.freezing import frozen_layers, normalize_as_in_evaluation, without_gradient


def forward(
    model: nn.Module,
    params: Mapping[str, Any],
    batch_stats: Mapping[str, Any],
    images: jax.Array,
    position: jax.Array,
    dropout_key: jax.Array,
    *,
    frozen: frozenset[str] = frozenset(),
    interceptors: Sequence[Callable] = (),
) -> tuple[Any, Mapping[str, Any]]:
    """Applies a network in training mode.

    Args:
      model: called as `model(images, train=True)`.
      params: its parameters; gradients flow to those that are not frozen.
      batch_stats: its running statistics; empty for a network without.
      images: float32 [n, H, W, C].
      position: int32 [n], each example's index in the global batch.
      dropout_key: PRNG key of this step.
      frozen: the parameters that are not trained; see `zoo.training.step.freezing`.
      interceptors: see `flax.linen.intercept_methods`; the first one is the outermost.

    Returns:
      (outputs, batch_stats): logits [n, K], or (logits, [logits of each auxiliary classifier]); and the updated running
      statistics.
    """
    fixed = normalize_as_in_evaluation(frozen_layers(frozen, params))
    variables = {"params": without_gradient(params, frozen), **({"batch_stats": batch_stats} if batch_stats else {})}
    with contextlib.ExitStack() as stack:
        for interceptor in (*interceptors, fixed, dropout_by_position(position)):
            stack.enter_context(nn.intercept_methods(interceptor))
        outputs, changed = model.apply(
            variables, images, train=True, rngs={"dropout": dropout_key}, mutable=["batch_stats"]
        )
    return outputs, changed.get("batch_stats", {})


def dropout_by_position(position: jax.Array) -> Callable:
    """Makes a Flax interceptor with which every `nn.Dropout` samples each example's mask from the example's own key.

    Flax samples one mask for the whole local batch, so that masks would depend on the number of devices and on gradient
    accumulation.

    Args:
      position: int32 [n], each example's index in the global batch.
    """

    def intercept(next_function, args, kwargs, context):
        module = context.module
        if not isinstance(module, nn.Dropout) or context.method_name != "__call__":
            return next_function(*args, **kwargs)
        called = inspect.signature(nn.Dropout.__call__).bind(module, *args, **kwargs).arguments
        deterministic = nn.merge_param("deterministic", module.deterministic, called.get("deterministic"))
        if deterministic or module.rate == 0.0 or "rng" in called:
            return next_function(*args, **kwargs)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(module.make_rng(module.rng_collection), position)

        def drop(example, key):
            options = {} if module.deterministic is not None else {"deterministic": False}
            return next_function(example[None], rng=key, **options)[0]

        return jax.vmap(drop)(called["inputs"], keys)

    return intercept
