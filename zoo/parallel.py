"""Devices: one axis called "batch", the one wrapper around a per-device step, and how values get to the devices."""

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
    """A mesh of the devices (all there are if None) along the one axis "batch"."""
    return Mesh(np.array(jax.devices() if devices is None else devices), (AXIS,))


def check_batch_size(batch_size: int, mesh: Mesh, accumulation: int = 1, pairs: bool = False) -> None:
    """Raises `ZooError` unless every device gets as many examples as every other one, in each of the batch's parts;
    and an even number, if they are mixed in `pairs`.
    """
    if pairs and batch_size % (2 * mesh.size * accumulation):
        raise ZooError(
            f"a batch of {batch_size} cannot be mixed in pairs by {mesh.size} devices in {accumulation} parts:"
            f" budget.batch_size must be a multiple of {2 * mesh.size * accumulation}"
        )
    if batch_size % (mesh.size * accumulation):
        parts = f" in {accumulation} parts" if accumulation > 1 else ""
        raise ZooError(
            f"a batch of {batch_size} cannot be shared evenly by {mesh.size} devices{parts}: change budget.batch_size"
        )


def check_strategy(strategy: str) -> None:
    """Raises `ZooError` for a strategy that `data_parallel` does not know, or that cannot do with several processes."""
    if strategy not in STRATEGIES:
        raise unknown("parallel strategy", strategy, STRATEGIES)
    if strategy == "pmap" and jax.process_count() > 1:
        raise ZooError("pmap is for one process here: take shard_map, which does the same on several")


def data_parallel(
    body: Callable, mesh: Mesh, *, donate: bool, strategy: str = "shard_map", of_steps: bool = False
) -> Callable:
    """Compiles a per-device function for all devices of a mesh.

    Args:
      body: `body(replicated, constants, batch) -> outputs`. It sees the part of `batch` that is its device's, talks to
        the others along the axis "batch", and its outputs must be the same on every device.
      mesh: from `make_mesh`.
      donate: whether `replicated` may be overwritten, as a training state.
      strategy: "shard_map", which checks at trace time that the outputs are equal on all devices; or "pmap", the same
        by its older name, for one process.
      of_steps: whether the arrays of `batch` have an axis of steps in front of the axis of examples.

    Returns:
      A function of the same arguments, where `batch` is global: from `shard_batch`.
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
    """Host values, the same in every process, as arrays on every device."""
    sharding = NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(sharding, np.asarray(leaf)), tree)


def make_replicated(function: Callable, mesh: Mesh, *arguments: Any) -> Any:
    """Runs a function inside `jit` with its results on every device, so that a large state is never on the host."""
    return compile_quickly(function, *arguments, out_shardings=NamedSharding(mesh, PartitionSpec()))(*arguments)


def shard_batch(batch: Any, mesh: Mesh, of_steps: bool = False) -> Any:
    """This process' part of a batch as global arrays, cut along their axis of examples; see `data_parallel`."""
    sharding = NamedSharding(mesh, _sharded(of_steps))
    return jax.tree.map(lambda array: jax.make_array_from_process_local_data(sharding, array), batch)


def _sharded(of_steps):
    return PartitionSpec(None, AXIS) if of_steps else PartitionSpec(AXIS)


def varying(tree: Any) -> Any:
    """Marks replicated values inside a per-device function as each device's own.

    Differentiating with respect to values marked so gives each device's own gradient, to be summed by `sum_over_devices`.
    Without the mark, shard_map sums behind one's back, and a sum or mean of ours on top would count every device twice.
    """
    return lax.pcast(tree, AXIS, to="varying")


def sum_over_devices(tree: Any) -> Any:
    """The sum of each device's values, the same on all devices afterwards: one all-reduce for the whole tree."""
    return lax.psum(tree, AXIS)
