"""How fast a run goes."""

import collections
import time


class Clock:
    """Measures images a second over the last few steps."""

    def __init__(self, batch_size: int):
        self.batch_size = batch_size
        self.times = collections.deque(maxlen=10)

    def speed(self) -> dict[str, float]:
        """To be called after each step; {"images_per_second": ...}, or nothing after the first."""
        self.times.append(time.perf_counter())
        steps = len(self.times) - 1
        return {"images_per_second": steps * self.batch_size / (self.times[-1] - self.times[0])} if steps else {}
