"""Checks of many networks or recipes at once, in a process for each core.

Most of the time goes into tracing and compiling, and Python's lock keeps threads from tracing side by side.
"""

import atexit
import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from absl import flags

from verification import SEED
from verification.check import Check

if TYPE_CHECKING:
    from zoo.layers.lowering import Choice

MOST_PROCESSES = 4  # each holds a network's weights twice, or weights and momentum: a gigabyte for the largest


def check_networks(names: Sequence[str], **options: Any) -> Iterator[list[Check]]:
    """The checks of the group "architecture" of each network, in order; with the options of `side_by_side`."""
    return side_by_side(_check_network, names, **options)


def check_recipes(
    names: Sequence[str],
    groups: Sequence[str],
    seed: int = SEED,
    tier: Literal["quick", "full"] = "full",
    data: str | None = None,
    **options: Any,
) -> Iterator[list[Check]]:
    """The checks of `check_recipe` of each recipe, in order; with the options of `side_by_side`."""
    check = functools.partial(_check_recipe, groups=groups, seed=seed, tier=tier, data=data)
    return side_by_side(check, names, **options)


def side_by_side(
    check: Callable[[str], list[Check]],
    names: Sequence[str],
    fault: str | None = None,
    compilation_cache: bool = True,
    convolution: "Choice" = "auto",
) -> Iterator[list[Check]]:
    """What a function of this module's gives for each name, in order.

    Args:
      check: the function.
      names: what it is called with.
      fault: of `verification.faults`, to be put in first.
      compilation_cache, convolution: as the flags of these names.
    """
    processes = min(MOST_PROCESSES, os.cpu_count() or 1, len(names))
    spawned = multiprocessing.get_context("spawn")  # JAX has threads of its own, which a fork would lose
    with ProcessPoolExecutor(processes, spawned, _set_up, (fault, compilation_cache, convolution)) as pool:
        try:
            yield from pool.map(check, names)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _set_up(fault, compilation_cache, convolution):
    """Runs once in each process."""
    from verification.faults import FAULTS
    from zoo import cli
    from zoo.layers.lowering import convolution_lowering

    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes share a GPU
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    args = flags.FlagValues()
    cli.define_jax_flags(args)
    args(["", f"--compilation_cache={compilation_cache}"])
    cli.set_up_jax(args)
    stack = contextlib.ExitStack()
    stack.enter_context(convolution_lowering(convolution))
    if fault:
        stack.enter_context(FAULTS[fault]())
    atexit.register(stack.close)  # which keeps them for as long as the process lives


def _end_with_parent():
    """A parent that was killed cannot end us."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _check_network(name):
    from verification.architecture import check_architecture

    return list(check_architecture(name))


def _check_recipe(name, **options):
    from verification.suite import check_recipe

    return list(check_recipe(name, **options))
