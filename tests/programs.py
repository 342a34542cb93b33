"""Programs of the project in processes of their own, and the flags that make a run of seconds."""

import os
import subprocess
import sys
from pathlib import Path

import jax

ROOT = Path(__file__).resolve().parents[1]

# What XLA is told in the processes of `tests/`, see `conftest.py`.
HASTE = "jax_disable_most_optimizations"

# On the command line, where the data is a folder: ten evaluations of 16 images in 40 steps.
BUDGET_FLAGS = [
    "--set=budget.batch_size=16",
    "--set=budget.evaluate_every=0.1",
    "--set=budget.interim_examples=16",
    "--set=budget.steps=40",
]
TINY_FLAGS = ["--recipe=tests/tiny.py", *BUDGET_FLAGS]
SMALL_FLAGS = [  # the same as `small`
    "--recipe=alexnet",
    "--set=augmentation.train.0.size=67",
    "--set=augmentation.eval.0.size=67",
    "--set=model.options.hidden=32",
    *BUDGET_FLAGS,
]


def run_python(*arguments, devices=1, timeout=300, **environment):
    """Runs `python ARGUMENTS` from the root of the project on so many forced CPU devices; the finished process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=child_environment(devices, **environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def child_environment(devices=1, **environment):
    """The environment of a child process with so many CPU devices."""
    flags = os.environ.get("XLA_FLAGS", "")
    forced = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        # JAX sizes its pools by this; with few cores, collectives of many forced devices wait for each other otherwise.
        "NPROC": "32",
    }
    haste = {HASTE.upper(): str(int(jax.config.read(HASTE)))}
    return {**os.environ, **haste, **(forced if devices > 1 else {}), **environment}
