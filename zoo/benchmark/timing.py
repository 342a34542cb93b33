"""Times steps of several sides in turn, so that a machine whose speed drifts slows all of them alike.

Each side has a process of its own: two frameworks in one get in each other's way, with their threads and their memory.
"""

import contextlib
import math
import multiprocessing
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zoo.benchmark.memory import peak_of_process
from zoo.errors import ZooError, reason

ENDED = "a side of the benchmark ended by itself; it may have run out of memory"
SECONDS_TO_END = 10.0  # that a side's process has, with those of its own that read images


class Side(NamedTuple):
    """Something to be timed.

    Attributes:
      step: does one step, waits for its end, and gives its loss.
      compile_seconds: what making it took.
      device_peak: gives the most bytes of an accelerator's memory that were in use so far; None for the host's.
    """

    step: Callable[[], float]
    compile_seconds: float
    device_peak: Callable[[], int] | None = None


class SideProcess:
    """A side in a process of its own.

    Attributes:
      compile_seconds: of the `Side`.
      loss: of the last step; NaN before the first.
      peak_bytes: memory of a step at its height; None where that cannot be told.
    """

    def __init__(self, make_side: Callable[..., Side], *arguments: Any) -> None:
        """Starts the process and waits until the side is ready.

        Args:
          make_side: a function at the top level of its module.
          *arguments: of `make_side`.

        Raises:
          ZooError: what `make_side` raised, or that its process ended.
        """
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make_side, arguments))
        self._process.start()
        theirs.close()
        try:
            self.compile_seconds, self.peak_bytes = self._receive()
        except BaseException:
            self.close()
            raise
        self.loss = math.nan

    def time(self, steps: int) -> float:
        """Seconds a step, over so many steps."""
        try:
            self._connection.send(steps)
        except OSError:  # it has ended meanwhile
            raise ZooError(ENDED) from None
        seconds, self.loss = self._receive()
        return seconds

    def close(self) -> None:
        """Ends the process, and so gives its memory back."""
        self._connection.close()  # at which the process ends by itself
        for end in (lambda: None, self._process.terminate, self._process.kill):  # or it is made to
            end()
            self._process.join(SECONDS_TO_END)
            if self._process.exitcode is not None:
                return

    def _receive(self):
        try:
            received = self._connection.recv()
        except (EOFError, OSError):
            raise ZooError(ENDED) from None
        if isinstance(received, Exception):
            raise received
        return received


def _serve(connection, make_side, arguments):
    """What the process of a side does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends it
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries greet on it, and results are what belongs there
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leaves the other sides their part of a GPU
    try:
        side = make_side(*arguments)
        side.step()  # the first one is not like the others
        peak = side.device_peak() if side.device_peak else peak_of_process(side.step)
        connection.send((side.compile_seconds, peak))
        while True:
            steps = connection.recv()
            started = time.perf_counter()
            for _ in range(steps):
                loss = side.step()
            connection.send(((time.perf_counter() - started) / steps, loss))
    except (EOFError, BrokenPipeError, ConnectionError):  # the main process has what it wants
        return
    except Exception as error:
        told = error if type(error) is ZooError else ZooError(f"a side of the benchmark failed: {reason(error)}")
        with contextlib.suppress(OSError):
            connection.send(told)


def time_in_turn(
    sides: Mapping[str, SideProcess], rounds: int, steps: int, on_round: Callable[[int], None]
) -> dict[str, list[float]]:
    """Seconds a step of each side in each round.

    Each turn begins with a step that does not count: while others had their turn, the system may have taken back memory
    that this side had freed, which in training never happens and cost up to a second here to get again.
    """
    for side in sides.values():
        side.time(2)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for done in range(1, rounds + 1):
        for name, side in sides.items():
            side.time(1)
            seconds[name].append(side.time(steps))
        on_round(done)
    return seconds


def compare(
    makers: Mapping[str, tuple[Any, ...]],
    *,
    rounds: int,
    steps: int,
    images: int,
    on_round: Callable[[int], None],
) -> dict[str, Any]:
    """Makes sides, times them in turn, and ends them.

    Args:
      makers: the arguments of `SideProcess` for each side, by its name; the first is ours.
      rounds, steps: how often each side has its turn, and how many steps that is.
      images: in a step.
      on_round: called with the number of rounds done, from 0 on.

    Returns:
      `rounds`, the figures of the `sides` (medians over rounds), and where there are several the `ratio`: how many times
      as fast the first is as the best of the others, the median over rounds of the ratio in one round.
    """
    sides = {}
    try:
        for name, maker in makers.items():
            sides[name] = SideProcess(*maker)
        on_round(0)
        seconds = time_in_turn(sides, rounds, steps, on_round)
    finally:
        for side in sides.values():
            side.close()
    result = {"rounds": rounds, "sides": [_report(name, side, seconds[name], images) for name, side in sides.items()]}
    ours, *others = seconds
    if others:
        best = min(others, key=lambda name: statistics.median(seconds[name]))
        ratios = [theirs / own for theirs, own in zip(seconds[best], seconds[ours], strict=True)]
        result["ratio"] = statistics.median(ratios)
    return result


def _report(name: str, side: SideProcess, seconds: list[float], images: int) -> dict[str, Any]:
    median = statistics.median(seconds)
    return {
        "side": name,
        "images_per_second": images / median,
        "step_ms": 1e3 * median,
        "fastest_ms": 1e3 * min(seconds),
        "slowest_ms": 1e3 * max(seconds),
        "compile_seconds": side.compile_seconds,
        "peak_mb": side.peak_bytes and side.peak_bytes / 1e6,
    }
