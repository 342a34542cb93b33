"""The devices of verification: on a CPU, runs use one, and a second one is there to compare with."""

import os

import jax
from jax.sharding import Mesh

from zoo import parallel

OPTION = "xla_force_host_platform_device_count"  # in XLA_FLAGS: the number of CPU devices that the user chose


def offer_second_device() -> None:
    """Makes JAX show two CPU devices unless the user chose their number; call it before JAX starts its backends."""
    if OPTION not in os.environ.get("XLA_FLAGS", "") and "JAX_NUM_CPU_DEVICES" not in os.environ:
        jax.config.update("jax_num_cpu_devices", 2)


def mesh_of_runs() -> Mesh:
    """Returns the mesh of the runs under test: all devices, but only the first of those of `offer_second_device`."""
    devices = jax.devices()
    chosen = OPTION in os.environ.get("XLA_FLAGS", "") or "JAX_NUM_CPU_DEVICES" in os.environ
    return parallel.make_mesh(devices if chosen or devices[0].platform != "cpu" else devices[:1])
