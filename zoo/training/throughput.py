"""Throughput of a run, and whether the input pipeline is its bottleneck."""

import collections
import itertools
import time
from collections.abc import Iterator, Sequence

from zoo.data.pipeline import Batch
from zoo.training.execution import Execution

MAX_STARVED_FRACTION = 0.05  # of programs that wait for examples; beyond, the user is advised
MIN_WAIT = 1e-3  # seconds; shorter waits are overhead of the loop


class Waits:
    """Counts the programs before which the devices were idle, because their batches were not ready."""

    def __init__(self) -> None:
        self.programs = self.starved = 0

    def next(self, batches: Iterator[Batch], count: int, in_flight: Sequence[Execution]) -> list[Batch]:
        """Returns the next `count` batches; `in_flight` are the dispatched programs, the latest one last."""
        started = time.perf_counter()
        taken = list(itertools.islice(batches, count))
        waited = time.perf_counter() - started > MIN_WAIT
        if in_flight:
            self.programs += 1
            self.starved += waited and in_flight[-1].metrics["loss"].is_ready()
        return taken

    def advice(self, examples: str, resident: bool) -> str | None:
        """Returns advice for the user; None if the devices did not wait.

        Args:
          examples: the word for examples, "images" or "examples".
          resident: whether the examples are resident on the device, so that only indices come from the host.
        """
        fraction = self.starved / max(self.programs, 1)
        if fraction <= MAX_STARVED_FRACTION:
            return None
        if resident:
            return (
                f"steps are short: before {fraction:.0%} of the steps the device waited for the host;"
                " --steps_per_execution=N compiles N steps into one program, and a larger batch or network uses the"
                " device better"
            )
        return (
            f"the input pipeline was the bottleneck: before {fraction:.0%} of the steps the device waited for"
            f" {examples}; --workers=N decodes in N processes, and smaller image files are read faster"
        )


class Clock:
    """Measures images per second over the last few programs."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size, self.started, self.steps = batch_size, time.perf_counter(), 0
        self.ends: collections.deque[tuple[float, int]] = collections.deque(maxlen=10)

    def speed(self, steps: int) -> dict[str, float]:
        """Returns {"images_per_second": ...}; to be called after each program, with its number of steps.

        Empty for a single first step, whose time may include compilation. A first program of several steps is timed,
        since it may be the only one.
        """
        self.steps += steps
        self.ends.append((time.perf_counter(), self.steps))
        (first, before), (last, after) = self.ends[0], self.ends[-1]
        if len(self.ends) == 1:
            first, before = self.started, 0
        return {"images_per_second": (after - before) * self.batch_size / (last - first)} if after > 1 else {}
