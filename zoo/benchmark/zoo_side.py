"""The zoo's side of a benchmark: the very step that `zoo.fit` runs."""

import time

import jax
import numpy as np

from zoo import parallel
from zoo.benchmark.timing import Side
from zoo.data.augment import Statistics
from zoo.data.loader import Batch
from zoo.models.registry import create_model, find_entry
from zoo.optimizer import make_optimizer
from zoo.recipe import SGD, ConstantRate, Initialization, Normalize, Regularization
from zoo.schedule import learning_rate
from zoo.training.state import create_state
from zoo.training.step import Constants, make_eval_step, make_train_step


def zoo_side(model_name: str, mode: str, batch_size: int, dtype: str) -> Side:
    """A training ("train") or evaluation ("eval") step of one of the zoo's networks on one device and random pixels.

    It is with SGD, momentum and weight decay, and with normalization as its only transform.
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
