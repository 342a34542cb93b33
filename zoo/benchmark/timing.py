"""Times steps of several sides in turn, so that a machine whose speed drifts slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from zoo import parallel
from zoo.data.augment import Statistics
from zoo.data.loader import Batch
from zoo.models.registry import create_model, find_entry
from zoo.optimizer import learning_rate, make_optimizer
from zoo.recipe import SGD, ConstantRate, Initialization, Normalize, Regularization
from zoo.training.state import create_state
from zoo.training.step import Constants, make_eval_step, make_train_step


class Side(NamedTuple):
    """Something to be timed.

    Attributes:
      step: does one step and waits for its end.
      compile_seconds: what making it took.
      peak_bytes: memory of a step at its height; None where that cannot be told.
    """

    step: Callable[[], None]
    compile_seconds: float
    peak_bytes: int | None


def zoo_side(model_name: str, mode: str, batch_size: int, dtype: str) -> Side:
    """A training ("train") or evaluation ("eval") step of one of the zoo's networks on one device and random pixels.

    It is the very step that `zoo.fit` runs, with SGD, momentum and weight decay, and with normalization as its only
    transform.
    """
    entry = find_entry(model_name)
    model = create_model(model_name, dtype=np.dtype(dtype) if dtype != "bfloat16" else jax.numpy.bfloat16)
    mesh = parallel.make_mesh(jax.devices()[:1])
    random = np.random.default_rng(0)
    batch = Batch(
        index=np.arange(batch_size, dtype=np.int32),
        position=np.arange(batch_size, dtype=np.int32),
        weight=np.ones(batch_size, np.float32),
        image=random.integers(0, 256, (batch_size, *entry.input_shape), np.uint8),
        label=random.integers(0, entry.num_classes, batch_size, np.int32),
    )
    channels = entry.input_shape[-1]
    measured = Statistics(
        np.full(channels, 127.5, np.float32),
        np.full(channels, 73.9, np.float32),
        np.zeros((channels, channels), np.float32),
    )
    constants = parallel.replicate(Constants(measured, None, None), mesh)
    batch = parallel.shard_batch(batch, mesh)
    rate, transforms = learning_rate(ConstantRate(1e-3), 1000), (Normalize(),)
    optimizer = make_optimizer(SGD(0.9), Regularization(5e-4), rate)

    def create(seed):
        return create_state(model, Initialization(), optimizer, seed, entry.input_shape)

    state = parallel.make_replicated(create, mesh, np.uint32(0))
    if mode == "train":
        body = make_train_step(model, transforms, optimizer, rate)
    else:
        body, state = make_eval_step(model, transforms), state.variables
    started = time.perf_counter()
    compiled = parallel.data_parallel(body, mesh, donate=mode == "train").lower(state, constants, batch).compile()
    compile_seconds = time.perf_counter() - started
    held = {"state": state}

    def step():
        if mode == "train":
            held["state"], result = compiled(held["state"], constants, batch)
        else:
            result = compiled(held["state"], constants, batch)
        jax.block_until_ready(result)

    memory = compiled.memory_analysis()
    peak = memory and (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
        - memory.alias_size_in_bytes
    )
    return Side(step, compile_seconds, peak)


def time_in_turn(
    sides: Mapping[str, Side], rounds: int, steps: int, on_round: Callable[[int], None]
) -> dict[str, list[float]]:
    """Seconds a step of each side in each round; two steps of each come first that do not count."""
    for side in sides.values():
        side.step()
        side.step()
    seconds = {name: [] for name in sides}
    for done in range(1, rounds + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            for _ in range(steps):
                side.step()
            seconds[name].append((time.perf_counter() - started) / steps)
        on_round(done)
    return seconds


def report(name: str, side: Side, seconds: list[float], batch_size: int) -> dict[str, Any]:
    """The figures of one side: medians over rounds."""
    median = statistics.median(seconds)
    return {
        "side": name,
        "images_per_second": batch_size / median,
        "step_ms": 1e3 * median,
        "fastest_ms": 1e3 * min(seconds),
        "slowest_ms": 1e3 * max(seconds),
        "compile_seconds": side.compile_seconds,
        "peak_mb": side.peak_bytes and side.peak_bytes / 1e6,
    }


def ratio(seconds: Mapping[str, list[float]], ours: str, others: list[str]) -> float:
    """How many times as fast `ours` is as the best of `others`: the median over rounds of the ratio in one round."""
    best = min(others, key=lambda name: statistics.median(seconds[name]))
    return statistics.median(theirs / own for theirs, own in zip(seconds[best], seconds[ours], strict=True))
