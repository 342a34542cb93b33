"""The environment of a run: versions, devices and machine."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import jax

from zoo.layers.lowering import lowering_of_programs

PACKAGES = ("zoo", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "tensorflow-datasets")


def environment() -> dict[str, Any]:
    """Returns versions, devices and machine, for `environment.json`."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    devices = jax.devices()
    return {
        "python": platform.python_version(),
        "versions": versions,
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "convolution": lowering_of_programs(devices[0].platform),
        "processes": jax.process_count(),
        "machine": platform.machine(),
        "processor": processor(),
        "system": platform.system(),
        "cores": cores(),
        "command": _command(),
    }


def _command():
    """Returns the command of this process, without the private paths of the interpreter and of the `zoo` script."""
    interpreter, *arguments = sys.orig_argv
    if arguments and Path(arguments[0]).stem == "zoo":
        arguments[0] = "zoo"
    return [Path(interpreter).name, *arguments]


def memory(device: jax.Device) -> int | None:
    """Returns the memory of a device in bytes, for a CPU that of the machine; None if it is unknown."""
    if device.platform != "cpu":
        return (device.memory_stats() or {}).get("bytes_limit")
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def cores() -> int:
    """Returns the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Returns the model name of the machine's processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line for line in lines if line.startswith("model name")]  # missing on Arm
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
