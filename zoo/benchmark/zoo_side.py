"""The zoo's side of a benchmark: the step that `zoo.fit` runs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from zoo import parallel
from zoo.benchmark.timing import Side
from zoo.benchmark.work import Work
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Batch
from zoo.layers.lowering import convolution_lowering, lowering_of_programs
from zoo.models.registry import create_model, find_entry
from zoo.recipe import SGD, ConstantRate, Normalize, Regularization
from zoo.training.step.initialization import initial_variables
from zoo.training.step.inputs import Constants
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.schedule import learning_rate
from zoo.training.step.state import create_state
from zoo.training.step.step import make_eval_step, make_train_step

PROFILED_STEPS = 3


def zoo_side(work: Work) -> Side:
    """Returns a step with SGD, momentum and weight decay, with normalization as the only transform."""
    if work.devices > 1:
        jax.config.update("jax_num_cpu_devices", work.devices)
        # Threads: devices that wait for each other need their own.
        os.environ.setdefault("NPROC", str(4 * work.devices))
    if work.coordinator:
        jax.distributed.initialize(work.coordinator, work.processes, work.process)
    devices = jax.devices() if work.processes > 1 else jax.devices()[: work.devices]
    mesh = parallel.make_mesh(devices)
    model = create_model(work.model, dtype=jax.numpy.dtype(work.dtype), **work.options)
    batch = parallel.shard_batch(_batch(work), mesh)
    channels = work.input_shape[-1]
    measured = Statistics(
        np.full(channels, 127.5, np.float32),
        np.full(channels, 73.9, np.float32),
        np.zeros((channels, channels), np.float32),
    )
    constants = parallel.replicate(Constants(measured, None, None), mesh)
    rate, transforms = learning_rate(ConstantRate(1e-3), 1000), (Normalize(),)
    optimizer = make_optimizer(SGD(0.9), Regularization(5e-4), rate)

    def create(seed):
        return create_state(initial_variables(model, work.input_shape), optimizer, seed)

    state = parallel.replicated_program(create, mesh)(np.uint32(0))
    body: Callable
    if work.mode == "train":
        body = make_train_step(model, transforms, optimizer, rate)
    else:
        body, state = make_eval_step(model, transforms), state.variables
    with convolution_lowering(work.convolution):
        body = convolution_lowering(lowering_of_programs(devices[0].platform))(body)
    program: Any = parallel.data_parallel(body, mesh, donate=work.mode == "train")
    started = time.perf_counter()
    compiled = program.lower(state, constants, batch).compile()
    compile_seconds = time.perf_counter() - started
    held = {"state": state}

    def train():
        held["state"], metrics = compiled(held["state"], constants, batch)
        return float(metrics["loss"])

    def evaluate():
        sums = compiled(held["state"], constants, batch)
        return float(sums.loss)

    step = train if work.mode == "train" else evaluate
    device = devices[0]
    on_host = device.platform == "cpu"
    return Side(step, compile_seconds, None if on_host else lambda: device.memory_stats()["peak_bytes_in_use"])


def profiled_side(work: Work, folder: Path) -> Side:
    """Returns `zoo_side` after tracing some steps with JAX's profiler to a folder, for TensorBoard and Perfetto."""
    side = zoo_side(work)
    side.step()
    with jax.profiler.trace(folder, create_perfetto_trace=True):
        for step in range(PROFILED_STEPS):
            with jax.profiler.StepTraceAnnotation(work.mode, step_num=step):
                side.step()
    return side


def _batch(work):
    """Returns this process's part of random images and labels, which do not depend on the number of processes."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (work.batch, *work.input_shape), np.uint8)
    label = random.integers(0, find_entry(work.model).num_classes, work.batch, np.int32)
    part = np.array_split(np.arange(work.batch, dtype=np.int32), work.processes)[work.process]
    return Batch(part, part, np.ones(len(part), np.float32), image[part], label[part])
