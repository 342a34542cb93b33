"""Programs that run once or twice: compiling them takes longer than running them, and so they are hardly optimized."""

from collections.abc import Callable
from typing import Any

import jax

CPU_OPTIONS = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def compile_quickly(function: Callable, *arguments: Any, **options: Any) -> Callable:
    """`jax.jit(function, **options)`, compiled for these arguments."""
    lowered = jax.jit(function, **options).lower(*arguments)
    return lowered.compile(CPU_OPTIONS if jax.default_backend() == "cpu" else None)


def run_once(function: Callable, *arguments: Any) -> Any:
    """What the function gives under `jax.jit`, as NumPy arrays."""
    return jax.device_get(compile_quickly(function, *arguments)(*arguments))
