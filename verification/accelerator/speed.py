"""Training steps beside `torch.compile`, and where the time of the slowest goes."""

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
SIDE = 16384  # of the square matrices whose product takes the peak's measure
WORST = 2  # networks that are profiled
OPERATIONS = 15  # of a profile, the longest ones


def units(settings: Settings) -> tuple[str, ...]:
    """The chip's peak, and the networks of the table of performance."""
    return (PEAK, "lenet5") if settings.rehearse else (PEAK, *NETWORKS)


def profiles(settings: Settings) -> tuple[str, ...]:
    """A profile of the networks whose ratio to PyTorch is smallest so far."""
    ratios = {line["unit"]: line["ratio"] for line in settings.known if line["job"] == "fast" and "ratio" in line}
    names = sorted(ratios, key=ratios.__getitem__)[:WORST] or (["lenet5"] if settings.rehearse else [])
    return tuple(f"profile of {name}" for name in names)


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Does one of `units` or `profiles`.

    Returns:
      Of the peak: floating-point operations a second of a large product in bfloat16. Of a network: what
      `zoo.benchmark.networks.measure` gives. Of a profile: the milliseconds of a step that its longest operations take.
    """
    if unit == PEAK:
        return _peak(1024 if settings.rehearse else SIDE)
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
    """Adds up the traced steps by operation, on the busiest line of the device."""
    with tempfile.TemporaryDirectory() as folder:
        profiled_side(_work(name, settings), Path(folder))
        traces = sorted(Path(folder).rglob("*.xplane.pb"))
        planes = list(jax.profiler.ProfileData.from_file(str(traces[-1])).planes)
        planes = [plane for plane in planes if "/device:" in plane.name] or planes
        totals: collections.Counter[str] = collections.Counter()
        for plane in planes:
            for line in plane.lines:
                if line.name in ("XLA Modules", "Steps", "Framework Ops", "Source code"):
                    continue  # which repeat what their operations have
                for event in line.events:
                    totals[event.name] += event.duration_ns
    longest = {name: nanoseconds / 1e6 / PROFILED_STEPS for name, nanoseconds in totals.most_common(OPERATIONS)}
    return {"milliseconds": longest, "all": sum(totals.values()) / 1e6 / PROFILED_STEPS}
