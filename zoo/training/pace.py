"""How fast a run goes, and whether it is kept waiting for its examples."""

import collections
import time
from collections.abc import Iterator, Sequence

from zoo.data.loader import Batch

STARVED = 0.05  # share of steps that may wait for examples before the user is told
SHORTEST_WAIT = 1e-3  # seconds; less is the loop's own work


class Waits:
    """Counts the steps in front of which the devices had nothing to do, because the next batch was not there yet."""

    def __init__(self) -> None:
        self.steps = self.starved = 0

    def next(self, batches: Iterator[Batch], in_flight: Sequence[tuple]) -> Batch:
        """The next batch; `in_flight` are the steps that were begun, the last one last."""
        started = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - started > SHORTEST_WAIT
        if in_flight:
            _, metrics, _ = in_flight[-1]
            self.steps += 1
            self.starved += waited and metrics["loss"].is_ready()
        return batch

    def advice(self, examples: str) -> str | None:
        """What to tell the user, if there is anything; `examples` is what they are called, "images" or "examples"."""
        share = self.starved / max(self.steps, 1)
        if share <= STARVED:
            return None
        waited = f"the input was the bottleneck: in front of {share:.0%} of the steps the device waited for {examples}"
        if examples == "images":
            return f"{waited}; --workers=N decodes in N processes, and smaller image files are read faster"
        return f"{waited}, for its steps are short: a larger batch or network makes more of it"


class Clock:
    """Measures images a second over the last few steps."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.times: collections.deque[float] = collections.deque(maxlen=10)

    def speed(self) -> dict[str, float]:
        """To be called after each step; {"images_per_second": ...}, or nothing after the first."""
        self.times.append(time.perf_counter())
        steps = len(self.times) - 1
        return {"images_per_second": steps * self.batch_size / (self.times[-1] - self.times[0])} if steps else {}
