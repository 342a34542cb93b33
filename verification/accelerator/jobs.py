"""The jobs, most valuable first."""

import os

from verification.accelerator import determinism, learning, ledgers, numbers, reading, speed
from verification.accelerator.unit import Job, Settings

# Programs with a fixed order of summation; and programs without autotuning, which takes most of the compilation time.
DETERMINISTIC = {"XLA_FLAGS": "--xla_gpu_deterministic_ops=true"}
UNTUNED = {"XLA_FLAGS": "--xla_gpu_autotune_level=0"}


def jobs(settings: Settings) -> list[Job]:
    """Returns all jobs in order; `settings.data` determines which recipes can be trained."""
    processes = 1 if settings.rehearse else max(1, min(8, (os.cpu_count() or 1) // 2))
    first, others = numbers.networks(settings)
    return [
        Job("right", numbers.__name__, first, 30.0, processes, UNTUNED),
        Job("deterministic", determinism.__name__, determinism.units(settings), 30.0, 1, DETERMINISTIC),
        Job("fast", speed.__name__, speed.units(settings), 90.0),
        Job("converges", learning.__name__, learning.units(settings), 20.0),
        Job("right", numbers.__name__, others, 30.0, processes, UNTUNED),
        Job("ledgers", ledgers.__name__, ledgers.short_runs(settings), 20.0),
        Job("reading", reading.__name__, reading.units(settings), 60.0),
        Job("long", ledgers.__name__, ledgers.long_runs(settings), 200.0),
        Job("fast", speed.__name__, speed.profiles(settings), 60.0),
    ]
