"""Times steps of several sides in turn, so that a machine whose speed drifts slows all of them alike.

Each side has a process of its own: two frameworks in one get in each other's way, with their threads and their memory.
"""

import contextlib
import multiprocessing
import os
import signal
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zoo.errors import ZooError


class Side(NamedTuple):
    """Something to be timed.

    Attributes:
      step: does one step and waits for its end.
      compile_seconds: what making it took.
      peak_bytes: memory of a step at its height; None where that cannot be told.
    """

    step: Callable[[], None]
    compile_seconds: float
    peak_bytes: int | None


class SideProcess:
    """A side in a process of its own.

    Attributes:
      compile_seconds, peak_bytes: of the `Side`.
    """

    def __init__(self, make_side: Callable[..., Side], *arguments: Any):
        """Starts the process and waits until the side is ready.

        Args:
          make_side: a function at the top level of its module.
          *arguments: of `make_side`.

        Raises:
          ZooError: what `make_side` raised, or that its process ended.
        """
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make_side, arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.compile_seconds, self.peak_bytes = self._receive()

    def time(self, steps: int) -> float:
        """Seconds a step, over so many steps."""
        self._connection.send(steps)
        return self._receive()

    def close(self) -> None:
        """Ends the process, and so gives its memory back."""
        self._connection.close()  # at which the process ends by itself
        self._process.join()

    def _receive(self):
        try:
            received = self._connection.recv()
        except EOFError:
            raise ZooError("a side of the benchmark ended by itself; it may have run out of memory") from None
        if isinstance(received, Exception):
            raise received
        return received


def _serve(connection, make_side, arguments):
    """What the process of a side does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends it
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leaves the other sides their part of a GPU
    try:
        side = make_side(*arguments)
    except ZooError as error:
        connection.send(error)
        return
    connection.send((side.compile_seconds, side.peak_bytes))
    with contextlib.suppress(EOFError):  # the main process has what it wants
        while True:
            steps = connection.recv()
            started = time.perf_counter()
            for _ in range(steps):
                side.step()
            connection.send((time.perf_counter() - started) / steps)


def time_in_turn(
    sides: Mapping[str, SideProcess], rounds: int, steps: int, on_round: Callable[[int], None]
) -> dict[str, list[float]]:
    """Seconds a step of each side in each round.

    Each turn begins with a step that does not count: while others had their turn, the system may have taken back memory
    that this side had freed, which in training never happens and cost up to a second here to get again.
    """
    for side in sides.values():
        side.time(2)
    seconds = {name: [] for name in sides}
    for done in range(1, rounds + 1):
        for name, side in sides.items():
            side.time(1)
            seconds[name].append(side.time(steps))
        on_round(done)
    return seconds


def report(name: str, side: SideProcess, seconds: list[float], batch_size: int) -> dict[str, Any]:
    """The figures of one side: medians over rounds."""
    median = statistics.median(seconds)
    return {
        "side": name,
        "images_per_second": batch_size / median,
        "step_ms": 1e3 * median,
        "fastest_ms": 1e3 * min(seconds),
        "slowest_ms": 1e3 * max(seconds),
        "compile_seconds": side.compile_seconds,
        "peak_mb": side.peak_bytes and side.peak_bytes / 1e6,
    }


def ratio(seconds: Mapping[str, list[float]], ours: str, others: list[str]) -> float:
    """How many times as fast `ours` is as the best of `others`: the median over rounds of the ratio in one round."""
    best = min(others, key=lambda name: statistics.median(seconds[name]))
    return statistics.median(theirs / own for theirs, own in zip(seconds[best], seconds[ours], strict=True))
