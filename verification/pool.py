"""Checks of many networks at once, in a process for each core.

Most of the time goes into tracing and compiling, and Python's lock keeps threads from tracing side by side.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from absl import flags

from verification.check import Check

MOST_PROCESSES = 4  # each holds a network's weights twice: a gigabyte for the largest


def check_networks(
    model_names: list[str], fault: str | None = None, compilation_cache: bool = True
) -> Iterator[list[Check]]:
    """The checks of the group "architecture" of each network, in order.

    Args:
      model_names: of the zoo.
      fault: of `verification.faults`, to be put in first.
      compilation_cache: as the flag of that name.
    """
    processes = min(MOST_PROCESSES, os.cpu_count(), len(model_names))
    spawned = multiprocessing.get_context("spawn")  # JAX has threads of its own, which a fork would lose
    with ProcessPoolExecutor(processes, spawned, _set_up, (fault, compilation_cache)) as pool:
        try:
            yield from pool.map(_check, model_names)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _set_up(fault, compilation_cache):
    """Runs once in each process."""
    from verification.faults import FAULTS
    from zoo import cli

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if fault:
        FAULTS[fault]().start()  # for as long as the process lives
    args = flags.FlagValues()
    cli.define_jax_flags(args)
    args(["", f"--compilation_cache={compilation_cache}"])
    cli.set_up_jax(args)


def _end_with_parent():
    """A parent that was killed cannot end us."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _check(model_name):
    from verification.architecture import check_architecture

    return list(check_architecture(model_name))
