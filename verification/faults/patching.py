"""Helpers that faults share: functions and attributes replaced where used, backward passes, layers in order."""

import contextlib
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

from zoo.layers import Conv
from zoo.training.step import step


def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> AbstractContextManager:
    """Replaces the attribute `name` of a module or class with `make(its value)`; it must exist."""
    return mock.patch.object(owner, name, make(getattr(owner, name)))


@contextlib.contextmanager
def together(*contexts: AbstractContextManager) -> Iterator[None]:
    """Enters several context managers."""
    with contextlib.ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


def with_attributes(module: Any, **changes: Any) -> types.SimpleNamespace:
    """Returns a namespace like a module with some functions changed, to replace it in one importing module only."""
    return types.SimpleNamespace(**{**vars(module), **changes})


def in_training(change: Callable[[Callable], Callable]) -> AbstractContextManager:
    """Replaces the forward pass as the training step uses it: nothing but training is wrong."""
    return replaced(step, "forward", change)


def only_in_training(make: Callable[[], AbstractContextManager]) -> AbstractContextManager:
    """Enters a context manager only while the training step's forward pass is traced."""

    def change(right):
        def wrong(*arguments, **options):
            with make():
                return right(*arguments, **options)

        return wrong

    return in_training(change)


def constructed_with(
    kinds: tuple[type[nn.Module], ...], make: Callable[[Any], dict[str, Any]]
) -> AbstractContextManager:
    """Sets attributes of layers of some classes to those that `make(module)` returns, wherever they are called."""

    def intercept(next_function, arguments, options, context):
        if isinstance(context.module, kinds) and context.method_name == "__call__":
            for name, value in make(context.module).items():
                object.__setattr__(context.module, name, value)
        return next_function(*arguments, **options)

    return nn.intercept_methods(intercept)


def with_backward(change: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], jax.Array]:
    """Returns the identity with a backward pass that changes the gradient."""

    @jax.custom_vjp
    def identity(x):
        return x

    identity.defvjp(lambda x: (x, None), lambda _, cotangent: (change(cotangent),))
    return identity


def with_scaled_gradient(factor: float) -> Callable[[jax.Array], jax.Array]:
    """Returns the identity with a backward pass that multiplies the gradient."""
    return with_backward(lambda gradient: factor * gradient)


def layers(model: nn.Module, image_shape: Sequence[int]) -> list[tuple[str, ...]]:
    """Returns the paths of the convolutional and dense layers in the order in which they are applied."""
    paths = []

    def record(next_function, arguments, options, context):
        if isinstance(context.module, Conv | nn.Dense) and context.method_name == "__call__":
            paths.append(context.module.path)
        return next_function(*arguments, **options)

    with nn.intercept_methods(record):
        jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *image_shape)), train=False))
    return paths


def pick(paths: Sequence[tuple[str, ...]], which: str) -> tuple[str, ...]:
    """Returns the "first", "middle" or "last" of the paths.

    Of a single layer, none: a layer of the recipe's network is wrong, not any network that verification makes.
    """
    if len(paths) < 2:
        return ("no layer",)
    return paths[{"first": 0, "middle": len(paths) // 2, "last": -1}[which]]


def parameters_in_training(
    choose: Callable[[nn.Module, tuple[int, ...]], Callable[[tuple[str, ...]], bool]],
    change: Callable[[jax.Array], jax.Array],
) -> AbstractContextManager:
    """Applies `change` to the chosen parameters before the training step's forward pass.

    Args:
      choose: called with the network and the shape of one image; returns whether to change the parameter at a path.
      change: what a parameter is replaced with, usually the identity with another gradient.
    """

    def replace(right):
        def wrong(model, params, batch_stats, images, *arguments, **options):
            chosen = choose(model, images.shape[1:])
            params = traverse_util.path_aware_map(
                lambda path, value: change(value) if chosen(path) else value, dict(params)
            )
            return right(model, params, batch_stats, images, *arguments, **options)

        return wrong

    return in_training(replace)


def parameter_of(which: str, name: str) -> Callable:
    """Returns a `choose` of `parameters_in_training`: the parameter `name` of the first, middle or last layer."""

    def choose(model, image_shape):
        path = (*pick(layers(model, image_shape), which), name)
        return lambda other: other == path

    return choose


def layer_inputs_in_training(
    choose: Callable[[nn.Module, tuple[int, ...]], Callable[[nn.Module], bool]],
    change: Callable[[jax.Array], jax.Array],
) -> AbstractContextManager:
    """Applies `change` to the inputs of the chosen layers in the training step's forward pass.

    Args:
      choose: called with the network and the shape of one image; returns whether to change the inputs of a module.
      change: what the inputs are replaced with, usually the identity with another gradient.
    """

    def replace(right):
        def wrong(model, params, batch_stats, images, *arguments, **options):
            chosen = choose(model, images.shape[1:])

            def intercept(next_function, given, named, context):
                if context.method_name == "__call__" and chosen(context.module):
                    given = (change(given[0]), *given[1:])
                return next_function(*given, **named)

            with nn.intercept_methods(intercept):
                return right(model, params, batch_stats, images, *arguments, **options)

        return wrong

    return in_training(replace)


def inputs_in_training(change: Callable[[jax.Array], jax.Array]) -> AbstractContextManager:
    """Applies `change` to the network's inputs in training, after augmentation and normalization."""

    def replace(right):
        def wrong(transforms, mixing, constants, batch, key):
            images, labels, coefficient = right(transforms, mixing, constants, batch, key)
            return change(images), labels, coefficient

        return wrong

    return replaced(step, "mixed_inputs", replace)


def rounded(x: jax.Array, bits: int) -> jax.Array:
    """Rounds to a mantissa of `bits` bits: 10 for TF32 and float16's precision, 7 for bfloat16's."""
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=bits)
