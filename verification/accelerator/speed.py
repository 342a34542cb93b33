"""Training speed compared with `torch.compile`, and profiles of the slowest networks."""

import collections
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from rich.console import Console

from verification.accelerator.unit import Settings
from zoo.benchmark.networks import measure as measure_network
from zoo.benchmark.work import Work
from zoo.benchmark.zoo_side import PROFILED_STEPS, profiled_side
from zoo.training.run.environment import environment

NETWORKS = (
    *("resnet50", "resnet18", "alexnet", "vgg11_bn", "mobilenet_v2"),
    *("efficientnet_b0", "densenet121", "inception_v3", "squeezenet1_1", "googlenet_bn"),
)
PEAK = "bfloat16 peak"
MATRIX_SIZE = 16384  # of the square matrices whose product measures the peak
MAX_PROFILES = 2  # networks to profile
MAX_OPERATIONS = 15  # longest operations to report of a profile


def units(settings: Settings) -> tuple[str, ...]:
    """Returns the pieces: the peak throughput of the device, and the networks of the performance table."""
    return (PEAK, "lenet5") if settings.rehearse else (PEAK, *NETWORKS)


def profiles(settings: Settings) -> tuple[str, ...]:
    """Returns the profiles of the networks with the lowest speed relative to PyTorch so far."""
    ratios = {line["unit"]: line["ratio"] for line in settings.known if line["job"] == "fast" and "ratio" in line}
    names = sorted(ratios, key=ratios.__getitem__)[:MAX_PROFILES] or (["lenet5"] if settings.rehearse else [])
    return tuple(f"profile of {name}" for name in names)


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Runs one of `units` or `profiles`.

    Returns:
      For the peak, the FLOP/s of a large matrix product in bfloat16; for a network, the result of
      `zoo.benchmark.networks.measure`; for a profile, the milliseconds per step of its longest operations.
    """
    if unit == PEAK:
        return _peak(1024 if settings.rehearse else MATRIX_SIZE)
    if unit.startswith("profile of "):
        return _profile(unit.removeprefix("profile of "), settings)
    work = _work(unit, settings)
    against = None if settings.rehearse else "torch"
    rounds, steps = (1, 1) if settings.rehearse else (5, 20)
    found = measure_network(work, against, rounds=rounds, steps=steps, console=Console(stderr=True, quiet=True))
    return {**found, "environment": environment()}


def _work(name, settings):
    return Work(name, batch=4 if settings.rehearse else 128, dtype="bfloat16")


def _peak(side):
    one, other = (jax.random.normal(jax.random.key(seed), (side, side), jnp.bfloat16) for seed in range(2))
    multiply = jax.jit(lambda one, other: one @ other).lower(one, other).compile()
    multiply(one, other).block_until_ready()
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        multiply(one, other).block_until_ready()
        seconds.append(time.perf_counter() - started)
    return {"operations_per_second": 2 * side**3 / min(seconds), "side": side}


def _profile(name, settings):
    """Returns the time per step of each operation, summed over the traced steps."""
    with tempfile.TemporaryDirectory() as folder:
        profiled_side(_work(name, settings), Path(folder))
        traces = sorted(Path(folder).rglob("*.xplane.pb"))
        planes = list(jax.profiler.ProfileData.from_file(str(traces[-1])).planes)
        planes = [plane for plane in planes if "/device:" in plane.name] or planes
        totals: collections.Counter[str] = collections.Counter()
        for plane in planes:
            for line in plane.lines:
                if line.name in ("XLA Modules", "Steps", "Framework Ops", "Source code"):
                    continue  # these repeat the time of their operations
                for event in line.events:
                    totals[event.name] += event.duration_ns
    longest = {name: nanoseconds / 1e6 / PROFILED_STEPS for name, nanoseconds in totals.most_common(MAX_OPERATIONS)}
    return {"milliseconds": longest, "all": sum(totals.values()) / 1e6 / PROFILED_STEPS}
