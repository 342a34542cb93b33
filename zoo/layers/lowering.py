"""Selects how convolutions, pools and normalizations are lowered: JAX's own operations, or faster ones for CPUs.

By default every network uses JAX's own operations (`lax.conv_general_dilated`, `lax.reduce_window`, jax.numpy), and
whatever works on a plain Flax network works on the zoo's. XLA compiles some of them to slow code on CPUs, above all
grouped convolutions and the gradients of convolutions and max pools. The faster lowerings have the same values and the
same gradients, in reverse mode only (`jax.grad`, not `jax.jvp`). They are selected around a program, never inside a
network:

    with zoo.convolution_lowering("fast"):
        gradients = jax.jit(jax.grad(loss))(params)

`zoo.fit` and the command-line programs select them on CPUs by default.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Literal, get_args

import jax

from zoo import interfaces
from zoo.errors import unknown

Lowering = Literal["xla", "fast"]
Choice = Literal["auto", "xla", "fast"]

# A thread-local JAX context that is part of the jit cache key: a function compiled under one choice is retraced under
# another.
_choice = jax.make_user_context(None)


@contextlib.contextmanager
def convolution_lowering(choice: Choice) -> Iterator[None]:
    """Selects how convolutions, pools and normalizations traced inside this context are computed.

    Also works as a decorator. The innermost context takes precedence.

    Args:
      choice: "xla" for JAX's own operations; "fast" for faster ones on CPUs (on other platforms, convolutions are JAX's
        own); "auto" for "fast" if JAX's default backend is the CPU, and "xla" otherwise.

    Raises:
      ZooError: the choice is unknown.
    """
    if choice not in get_args(Choice):
        raise unknown("convolution lowering", choice, get_args(Choice))
    with _choice(choice):
        yield


def lowering_of_programs(platform: str) -> Lowering:
    """Returns the lowering for a program on "cpu", "gpu" or "tpu": the caller's choice, by default "auto"."""
    choice = _choice.value or "auto"
    requested = choice == "fast" or (choice == "auto" and platform == "cpu")
    return "fast" if requested and _is_supported() else "xla"


def is_fast() -> bool:
    """Returns whether layers traced now use the faster lowerings for CPUs."""
    choice = _choice.value
    requested = choice == "fast" or (choice == "auto" and jax.default_backend() == "cpu")
    return requested and _is_supported()


@functools.cache
def _is_supported() -> bool:
    """Returns whether the faster lowerings were tested with this version of JAX; warns once if it is newer."""
    return interfaces.is_tested(interfaces.PRIMITIVE, jax.__version__)
