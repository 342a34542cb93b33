"""Parallel checks of several networks or recipes, with one process per core.

Most of the time is spent tracing and compiling, and the GIL prevents threads from tracing in parallel.
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

MAX_PROCESSES = 4  # each holds a network's weights twice, or weights and momentum: 1 GB for the largest


def check_networks(names: Sequence[str], once: bool = False, **options: Any) -> Iterator[list[Check]]:
    """Yields the "architecture" checks of each network, in order.

    Args:
      names: the names of the networks.
      once: whether to check what networks share in the first of them only, see `verification.shared`.
      options: those of `in_parallel`.
    """
    return in_parallel(functools.partial(_check_network, beside=tuple(names) if once else ()), names, **options)


def check_recipes(
    names: Sequence[str],
    groups: Sequence[str],
    seed: int = SEED,
    tier: Literal["quick", "full"] = "full",
    data: str | None = None,
    once: bool = False,
    **options: Any,
) -> Iterator[list[Check]]:
    """Yields the results of `check_recipe` for each recipe, in order; `once` and `options` as for `check_networks`."""
    beside = tuple(names) if once else ()
    check = functools.partial(_check_recipe, groups=groups, seed=seed, tier=tier, data=data, beside=beside)
    return in_parallel(check, names, **options)


def check_and_record(
    names: Sequence[str],
    groups: Sequence[str],
    seed: int,
    tier: str,
    data: str | None,
    once: bool = False,
    **options: Any,
) -> Iterator[tuple[list[Check], dict[str, Any] | None]]:
    """Yields the results of `check_recipe` for each recipe, and what is recorded of it for later comparisons.

    See `verification.baseline.recording.Recorder`; `once` and `options` as for `check_networks`.
    """
    beside = tuple(names) if once else ()
    check = functools.partial(_check_and_record, groups=groups, seed=seed, tier=tier, data=data, beside=beside)
    return in_parallel(check, names, **options)


def in_parallel(
    check: Callable[[str], Any],
    names: Sequence[str],
    fault: str | None = None,
    compilation_cache: bool = True,
    convolution: "Choice" = "auto",
) -> Iterator[Any]:
    """Yields the result of `check` for each name, in order, computed in a pool of processes.

    Args:
      check: a picklable function of a name.
      names: the names of the networks or recipes.
      fault: name of a fault of `verification.faults` to inject into each process.
      compilation_cache, convolution: as the flags of these names.
    """
    processes = min(MAX_PROCESSES, os.cpu_count() or 1, len(names))
    spawned = multiprocessing.get_context("spawn")  # JAX is multithreaded, and threads do not survive a fork
    with ProcessPoolExecutor(processes, spawned, _set_up, (fault, compilation_cache, convolution)) as pool:
        try:
            yield from pool.map(check, names)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _set_up(fault, compilation_cache, convolution):
    """Initializes a worker process."""
    from verification import devices
    from verification.faults import inject
    from zoo import cli
    from zoo.layers.lowering import convolution_lowering

    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes share a GPU
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent terminates its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    args = flags.FlagValues()
    cli.define_jax_flags(args)
    args(["", f"--compilation_cache={compilation_cache}"])
    cli.set_up_jax(args)
    devices.set_up_jax()
    stack = contextlib.ExitStack()
    stack.enter_context(convolution_lowering(convolution))
    if fault:
        stack.enter_context(inject(fault))
    atexit.register(stack.close)  # keeps the contexts active until the process exits


def _end_with_parent():
    """Exits once the parent has exited: a parent that was killed cannot terminate its workers."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _check_network(name, beside):
    from verification.architecture import check_architecture
    from verification.shared import network_before

    return list(check_architecture(name, shown_by=network_before(name, beside), thorough=not beside))


def _check_recipe(name, **options):
    from verification.suite import check_recipe

    return list(check_recipe(name, **options))


def _check_and_record(name, seed, **options):
    from verification.baseline.recording import Recorder
    from verification.suite import check_recipe

    recorder = Recorder(seed)
    checks = check_recipe(name, seed=seed, trackers=[recorder], on_prepared=recorder.start, **options)
    return list(checks), recorder.run
