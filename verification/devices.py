"""JAX in verification: on a CPU, runs use one device, and a second one is there to compare with."""

import os

import jax
from jax.sharding import Mesh

from zoo import parallel
from zoo.compilation import MIN_CACHED_SECONDS

OPTION = "xla_force_host_platform_device_count"  # in XLA_FLAGS: the number of CPU devices that the user chose


MIN_COMPILE_SECONDS = 0.2  # of programs that are kept in the compilation cache; checks have many that are quick


def set_up_jax() -> None:
    """Makes JAX show two CPU devices unless the user chose their number, and keep quickly compiled programs.

    Call it before JAX starts its backends.
    """
    keep_programs()
    if OPTION not in os.environ.get("XLA_FLAGS", "") and "JAX_NUM_CPU_DEVICES" not in os.environ:
        jax.config.update("jax_num_cpu_devices", 2)


def keep_programs() -> None:
    """Lets JAX keep compiled programs again, which one with oneDNN's convolutions has turned off: it cannot be kept."""
    jax.config.update(MIN_CACHED_SECONDS, MIN_COMPILE_SECONDS)


def mesh_of_runs() -> Mesh:
    """Returns the mesh of the runs under test: all devices, but only the first of those of `set_up_jax`."""
    devices = jax.devices()
    chosen = OPTION in os.environ.get("XLA_FLAGS", "") or "JAX_NUM_CPU_DEVICES" in os.environ
    return parallel.make_mesh(devices if chosen or devices[0].platform != "cpu" else devices[:1])
