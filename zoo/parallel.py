"""Data parallelism over a mesh with one axis, "batch": compiling per-device functions and placing values on devices."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from zoo.compilation import compile_quickly
from zoo.errors import ZooError, unknown

AXIS = "batch"
STRATEGIES = ("shard_map", "pmap")


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Returns a mesh of the devices (all available ones if None) with the single axis "batch"."""
    return Mesh(np.array(jax.devices() if devices is None else devices), (AXIS,))


def check_batch_size(batch_size: int, mesh: Mesh, accumulation: int = 1, pairs: bool = False) -> None:
    """Checks that a batch can be split evenly over the devices.

    Args:
      batch_size: examples in a batch, over all devices.
      mesh: from `make_mesh`.
      accumulation: gradient accumulation steps that the batch is split into.
      pairs: whether examples are mixed in pairs, so that each part must have an even number.

    Raises:
      ZooError: the batch cannot be split evenly.
    """
    if pairs and batch_size % (2 * mesh.size * accumulation):
        raise ZooError(
            f"cannot mix a batch of {batch_size} in pairs on {mesh.size} devices in {accumulation} parts:"
            f" budget.batch_size must be a multiple of {2 * mesh.size * accumulation}"
        )
    if batch_size % (mesh.size * accumulation):
        parts = f" in {accumulation} parts" if accumulation > 1 else ""
        raise ZooError(
            f"cannot split a batch of {batch_size} evenly over {mesh.size} devices{parts}: change budget.batch_size"
        )


def check_strategy(strategy: str) -> None:
    """Raises `ZooError` for a strategy that `data_parallel` does not support, or not with several processes."""
    if strategy not in STRATEGIES:
        raise unknown("parallel strategy", strategy, STRATEGIES)
    if strategy == "pmap" and jax.process_count() > 1:
        raise ZooError("pmap is only supported with a single process: use shard_map, which computes the same")


def data_parallel(
    body: Callable, mesh: Mesh, *, donate: bool, strategy: str = "shard_map", of_steps: bool = False
) -> Callable:
    """Compiles a per-device function for all devices of a mesh.

    Args:
      body: `body(replicated, constants, batch) -> outputs`. It gets its device's part of `batch`, communicates along
        the axis "batch", and must return the same outputs on every device.
      mesh: from `make_mesh`.
      donate: whether the buffers of `replicated` are donated, as for a training state.
      strategy: "shard_map", which checks at trace time that the outputs are equal on all devices; or "pmap", the older
        equivalent, for a single process.
      of_steps: whether the arrays of `batch` have a leading axis of steps before the axis of examples.

    Returns:
      A function of the same arguments, whose `batch` is global, from `shard_batch`.
    """
    donated = (0,) if donate else ()
    if strategy == "shard_map":
        replicated, sharded = PartitionSpec(), _sharded(of_steps)
        mapped = jax.shard_map(body, mesh=mesh, in_specs=(replicated, replicated, sharded), out_specs=replicated)
        return jax.jit(mapped, donate_argnums=donated)
    mapped = jax.pmap(
        body,
        axis_name=AXIS,
        in_axes=(None, None, int(of_steps)),
        out_axes=None,
        devices=list(mesh.devices.flat),
        donate_argnums=donated,
    )

    def call(state, constants, batch):
        def by_device(array):
            steps = array.shape[: int(of_steps)]
            return array.reshape(*steps, mesh.size, -1, *array.shape[len(steps) + 1 :])

        return mapped(state, constants, jax.tree.map(by_device, batch))

    return call


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Copies host values, which must be the same in every process, to every device."""
    sharding = NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(sharding, np.asarray(leaf)), tree)


def replicated_program(function: Callable, mesh: Mesh) -> Callable:
    """Returns the function under `jit` with replicated results, so that a large state is never on the host.

    It is compiled at its first call, with few optimizations, for arguments of the shapes that this call has.
    """
    programs: list[Callable] = []

    def call(*arguments):
        if not programs:
            replicated = NamedSharding(mesh, PartitionSpec())
            programs.append(compile_quickly(function, *arguments, out_shardings=replicated))
        return programs[0](*arguments)

    return call


def shard_batch(batch: Any, mesh: Mesh, of_steps: bool = False) -> Any:
    """Turns this process's part of a batch into global arrays, sharded along the axis of examples."""
    sharding = NamedSharding(mesh, _sharded(of_steps))
    return jax.tree.map(lambda array: jax.make_array_from_process_local_data(sharding, array), batch)


def _sharded(of_steps):
    return PartitionSpec(None, AXIS) if of_steps else PartitionSpec(AXIS)


def varying(tree: Any) -> Any:
    """Marks replicated values inside a per-device function as varying over devices.

    Differentiating with respect to such values gives each device's own gradient, to be summed by `sum_over_devices`.
    Without the mark, shard_map sums gradients implicitly, and an explicit sum or mean on top would count every device
    twice.
    """
    return lax.pcast(tree, AXIS, to="varying")


def sum_over_devices(tree: Any) -> Any:
    """Sums values over devices, with a single all-reduce for the whole tree."""
    return lax.psum(tree, AXIS)
