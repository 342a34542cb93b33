"""How fast a run goes, and whether it is kept waiting for its examples."""

import collections
import itertools
import time
from collections.abc import Iterator, Sequence

from zoo.data.pipeline import Batch
from zoo.training.execution import Execution

STARVED = 0.05  # share of programs that may wait for examples before the user is told
SHORTEST_WAIT = 1e-3  # seconds; less is the loop's own work


class Waits:
    """Counts the programs in front of which the devices had nothing to do, because their batches were not there yet."""

    def __init__(self) -> None:
        self.programs = self.starved = 0

    def next(self, batches: Iterator[Batch], count: int, in_flight: Sequence[Execution]) -> list[Batch]:
        """The next `count` batches; `in_flight` are the programs that were begun, the last one last."""
        started = time.perf_counter()
        taken = list(itertools.islice(batches, count))
        waited = time.perf_counter() - started > SHORTEST_WAIT
        if in_flight:
            self.programs += 1
            self.starved += waited and in_flight[-1].metrics["loss"].is_ready()
        return taken

    def advice(self, examples: str, resident: bool) -> str | None:
        """What to tell the user, if there is anything.

        Args:
          examples: what they are called, "images" or "examples".
          resident: whether they are kept on the device, and only their order comes from the host.
        """
        share = self.starved / max(self.programs, 1)
        if share <= STARVED:
            return None
        if resident:
            return (
                f"steps are short: in front of {share:.0%} of them the device waited for the host; --steps_per_execution=N makes N"
                " steps one program, and a larger batch or network makes more of the device"
            )
        waited = f"the input was the bottleneck: in front of {share:.0%} of the steps the device waited for {examples}"
        return f"{waited}; --workers=N decodes in N processes, and smaller image files are read faster"


class Clock:
    """Measures images a second over the last few programs."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size, self.begun, self.steps = batch_size, time.perf_counter(), 0
        self.ends: collections.deque[tuple[float, int]] = collections.deque(maxlen=10)

    def speed(self, steps: int) -> dict[str, float]:
        """To be called after each program, with its steps; {"images_per_second": ...}.

        The first step after the clock was made has none, for it may have been compiled meanwhile. The first program of
        several steps has one, for it may be the only one.
        """
        self.steps += steps
        self.ends.append((time.perf_counter(), self.steps))
        (first, before), (last, after) = self.ends[0], self.ends[-1]
        if len(self.ends) == 1:
            first, before = self.begun, 0
        return {"images_per_second": (after - before) * self.batch_size / (last - first)} if after > 1 else {}
