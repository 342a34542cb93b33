"""How convolutions, pools and normalizations are computed: by JAX's own operations, or by faster programs for CPUs.

By default every network is made of JAX's own operations (`lax.conv_general_dilated`, `lax.reduce_window`, jax.numpy), and
whatever works on a plain Flax network works on the zoo's. XLA compiles some of them to slow programs for CPUs, above all
grouped convolutions and the gradients of convolutions and max pools. The faster forms have the same values and the same
gradients, in reverse mode alone (`jax.grad`, not `jax.jvp`). They are chosen around a program, never in a network:

    with zoo.convolution_lowering("fast"):
        gradients = jax.jit(jax.grad(loss))(params)

`zoo.fit` and the programs choose them for CPUs by themselves.
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

# JAX keeps it for each thread and makes it part of the key of its caches: a function that was compiled under one choice is
# traced anew under another.
_choice = jax.make_user_context(None)


@contextlib.contextmanager
def convolution_lowering(choice: Choice) -> Iterator[None]:
    """Chooses how convolutions, pools and normalizations are computed in all that is traced inside of this context.

    Also a decorator of functions. The inner of two such contexts counts.

    Args:
      choice: "xla" for JAX's own operations, "fast" for what is faster on CPUs (elsewhere, its convolutions are JAX's own),
        "auto" for "fast" where JAX computes on a CPU and "xla" where it does not.

    Raises:
      ZooError: there is no such choice.
    """
    if choice not in get_args(Choice):
        raise unknown("convolution lowering", choice, get_args(Choice))
    with _choice(choice):
        yield


def lowering_of_programs(platform: str) -> Lowering:
    """The lowering that a program for "cpu", "gpu" or "tpu" takes: the caller's choice, or "auto" where there is none."""
    choice = _choice.value or "auto"
    wanted = choice == "fast" or (choice == "auto" and platform == "cpu")
    return "fast" if wanted and _is_possible() else "xla"


def is_fast() -> bool:
    """Whether layers that are traced now are to be computed by the faster programs for CPUs."""
    choice = _choice.value
    wanted = choice == "fast" or (choice == "auto" and jax.default_backend() == "cpu")
    return wanted and _is_possible()


@functools.cache
def _is_possible() -> bool:
    """Whether this JAX has what the faster programs lean on; warns once if it is too new to tell."""
    return interfaces.was_tried(interfaces.PRIMITIVE, jax.__version__)
