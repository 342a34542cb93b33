"""Helpers that run the project's programs in subprocesses, and flags for runs that take seconds."""

import os
import subprocess
import sys
from pathlib import Path

import jax

ROOT = Path(__file__).resolve().parents[1]

# The JAX option that is set in the processes of `tests/`, see `conftest.py`.
SKIP_OPTIMIZATIONS = "jax_disable_most_optimizations"

# Ten evaluations of 16 images each in 40 steps, for data in a folder.
BUDGET_FLAGS = [
    "--set=budget.batch_size=16",
    "--set=budget.evaluate_every=0.1",
    "--set=budget.interim_examples=16",
    "--set=budget.steps=40",
]
TINY_FLAGS = ["--recipe=tests/tiny.py", *BUDGET_FLAGS]
SMALL_FLAGS = [  # corresponds to `examples.small`
    "--recipe=alexnet",
    "--set=augmentation.train.0.size=67",
    "--set=augmentation.eval.0.size=67",
    "--set=model.options.hidden=32",
    *BUDGET_FLAGS,
]


def run_python(*arguments, devices=1, timeout=300, **environment):
    """Runs `python ARGUMENTS` from the project root with `devices` CPU devices, and returns the finished process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=child_environment(devices, **environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def child_environment(devices=1, **environment):
    """Returns the environment of a child process with `devices` CPU devices."""
    flags = os.environ.get("XLA_FLAGS", "")
    forced = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        # JAX sizes its thread pools by this; otherwise, collectives of many devices deadlock on few cores.
        "NPROC": "32",
    }
    optimizations = {SKIP_OPTIMIZATIONS.upper(): str(int(jax.config.read(SKIP_OPTIMIZATIONS)))}
    return {**os.environ, **optimizations, **(forced if devices > 1 else {}), **environment}
