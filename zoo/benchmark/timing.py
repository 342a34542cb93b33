"""Alternating timing of several sides, such as the zoo and PyTorch, so that drifts in machine speed affect all equally.

Each side runs in its own process: two frameworks in one process would compete for threads and memory.
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

PROCESS_DIED = "a benchmark process exited unexpectedly; it may have run out of memory"
SHUTDOWN_SECONDS = 10.0  # time for a side's process to exit, including its worker processes


class Side(NamedTuple):
    """Something to be timed.

    Attributes:
      step: runs one step, waits for its completion, and returns its loss.
      compile_seconds: time taken by compilation.
      device_peak: returns the peak bytes of accelerator memory used so far; None to measure host memory instead.
    """

    step: Callable[[], float]
    compile_seconds: float
    device_peak: Callable[[], int] | None = None


class SideProcess:
    """A side in its own process.

    Attributes:
      compile_seconds: as in `Side`.
      loss: of the last step; NaN before the first.
      peak_bytes: peak memory of a step; None where that cannot be measured.
    """

    def __init__(self, make_side: Callable[..., Side], *arguments: Any) -> None:
        """Starts the process and waits until the side is ready.

        Args:
          make_side: a function at the top level of its module, so that it can be pickled.
          *arguments: arguments of `make_side`.

        Raises:
          ZooError: `make_side` failed, or its process exited.
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
        """Runs this number of steps and returns the seconds per step."""
        try:
            self._connection.send(steps)
        except OSError:  # the process has exited
            raise ZooError(PROCESS_DIED) from None
        seconds, self.loss = self._receive()
        return seconds

    def close(self) -> None:
        """Ends the process, which frees its memory."""
        self._connection.close()  # on which the process exits
        for end in (lambda: None, self._process.terminate, self._process.kill):  # or is killed
            end()
            self._process.join(SHUTDOWN_SECONDS)
            if self._process.exitcode is not None:
                return

    def _receive(self):
        try:
            received = self._connection.recv()
        except (EOFError, OSError):
            raise ZooError(PROCESS_DIED) from None
        if isinstance(received, Exception):
            raise received
        return received


def _serve(connection, make_side, arguments):
    """Serves a side in its process: makes it, then times steps on request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends it
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stdout is for results, and libraries print to it
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leaves GPU memory for the other sides
    try:
        side = make_side(*arguments)
        side.step()  # warm-up
        peak = side.device_peak() if side.device_peak else peak_of_process(side.step)
        connection.send((side.compile_seconds, peak))
        while True:
            steps = connection.recv()
            started = time.perf_counter()
            for _ in range(steps):
                loss = side.step()
            connection.send(((time.perf_counter() - started) / steps, loss))
    except (EOFError, BrokenPipeError, ConnectionError):  # the main process closed the connection
        return
    except Exception as error:
        failure = error if type(error) is ZooError else ZooError(f"a benchmark process failed: {reason(error)}")
        with contextlib.suppress(OSError):
            connection.send(failure)


def time_alternating(
    sides: Mapping[str, SideProcess], rounds: int, steps: int, on_round: Callable[[int], None]
) -> dict[str, list[float]]:
    """Returns the seconds per step of each side in each round.

    Each timing is preceded by an untimed step: while other sides ran, the system may have reclaimed memory that this
    side had freed, which never happens in training and took up to a second to allocate again.
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
    """Starts sides, times them alternately, and ends them.

    Args:
      makers: the arguments of `SideProcess` for each side, by its name; the zoo's first.
      rounds, steps: number of rounds, and of steps of each side in a round.
      images: number of images in a step.
      on_round: called with the number of completed rounds, starting from 0.

    Returns:
      `rounds`, the figures of the `sides` (medians over rounds), and if there are several the `ratio`: speed of the
      first side relative to the fastest of the others, as the median over rounds of the ratio within a round.
    """
    sides = {}
    try:
        for name, maker in makers.items():
            sides[name] = SideProcess(*maker)
        on_round(0)
        seconds = time_alternating(sides, rounds, steps, on_round)
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
