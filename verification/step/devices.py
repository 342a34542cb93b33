"""Comparison of a step on two devices with steps on one device."""

import dataclasses

import jax
import numpy as np

from verification.check import Check, Group
from verification.devices import keep_programs
from verification.step.probe import Probe
from zoo import parallel
from zoo.data.pipeline import Batch
from zoo.training.step.state import TrainState

TOLERANCE = 2e-4  # of the gradient's length: float32 sums in another order, through batch normalization


def check_devices(group: Group, probe: Probe, state: TrainState, batch: Batch) -> Check:
    """Checks that a step on two devices has the mean loss, gradient and running statistics of the two halves.

    Batch normalization uses the statistics of each device's half, and the running statistics are averaged.
    """
    platform = probe.experiment.mesh.devices.flat[0].platform
    devices = jax.local_devices(backend=platform)
    if len(devices) < 2:
        return group.skip("devices", f"there is only one {platform} device")
    # Each device's part consists of as many parts as the recipe accumulates, of whole pairs for mixing.
    budget, pairs = probe.experiment.recipe.budget, 2 if probe.experiment.recipe.augmentation.mixing else 1
    size = len(batch.index) // (2 * budget.accumulation * pairs) * budget.accumulation * pairs
    if not size:
        return group.skip("devices", f"a batch of {len(batch.index)} examples is too small for two devices")
    batch = jax.tree.map(lambda array: array[: 2 * size], batch)
    halves = [jax.tree.map(lambda array, start=start: array[start : start + size], batch) for start in (0, size)]
    # With XLA's own convolutions, programs are kept in the compilation cache.
    changes = {"optimizer": probe.optimizer, "convolution": "xla", "mesh": parallel.make_mesh(devices[:1])}
    plain = dataclasses.replace(probe.experiment, **changes)
    alone, both = Probe(plain), Probe(dataclasses.replace(plain, mesh=parallel.make_mesh(devices[:2])))
    keep_programs()
    one, other = (alone.step(state, half) for half in halves)
    found = both.step(state, batch)
    problems = []
    if not abs(found.loss - (one.loss + other.loss) / 2) <= 2e-5 * abs(found.loss):
        problems.append(f"the loss is {found.loss:.6g}, the mean of the halves is {(one.loss + other.loss) / 2:.6g}")
    worst = 0.0
    for kind in ("gradient", "batch_stats"):
        for path, value in getattr(found, kind).items():
            mean = (getattr(one, kind)[path].astype(np.float64) + getattr(other, kind)[path]) / 2
            length = np.sqrt(np.linalg.norm(getattr(one, kind)[path]) * np.linalg.norm(getattr(other, kind)[path]))
            off = float(np.linalg.norm(value - mean) / max(length, 1e-6))
            worst = max(worst, off)
            if not off <= TOLERANCE and len(problems) < 2:
                problems.append(
                    f"the {kind.replace('batch_stats', 'running statistic')} of {path} differs by {off:.1e}"
                )
    detail = f"a step on two devices differs by at most {worst:.1e} from the mean of the steps of its halves"
    figures = {"value": worst, "high": TOLERANCE}
    return group.check("devices", not problems, "; ".join(problems) or detail, figures)
