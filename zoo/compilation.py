"""Compilation of programs that run only once or twice, with few optimizations to save compile time."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax

# JAX's option for the compile time from which it keeps a program in its persistent compilation cache.
MIN_CACHED_SECONDS = "jax_persistent_cache_min_compile_time_secs"
# Not a public interface, see `zoo.interfaces`: each option is omitted if XLA rejects it.
CPU_OPTIONS = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def compile_quickly(function: Callable, *arguments: Any, **options: Any) -> Callable:
    """Compiles `jax.jit(function, **options)` for these arguments.

    If lowering it calls `keep_programs_out_of_cache`, that is for this program alone.
    """
    before = getattr(jax.config, MIN_CACHED_SECONDS)
    try:
        lowered = jax.jit(function, **options).lower(*arguments)
        return lowered.compile(known_options(CPU_OPTIONS) if jax.default_backend() == "cpu" else None)
    finally:
        jax.config.update(MIN_CACHED_SECONDS, before)


def known_options(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the XLA compiler options, by name, that this jaxlib accepts."""
    return {name: value for name, value in options.items() if _is_known(name, value)}


@functools.cache
def _is_known(name, value):
    """Returns whether a trivial program compiles with the option; tried once per process."""
    try:
        jax.jit(lambda: 0).lower().compile({name: value})
    except Exception:  # depends on the version; programs also compile without the option
        return False
    return True


def keep_programs_out_of_cache() -> None:
    """Stops this process from writing to JAX's persistent compilation cache, whoever enabled it.

    Must be called before lowering a program that XLA cannot serialize: some versions warn, others crash the process.
    """
    jax.config.update(MIN_CACHED_SECONDS, math.inf)


def run_once(function: Callable, *arguments: Any) -> Any:
    """Runs the function under `jax.jit` and returns its results as NumPy arrays."""
    return jax.device_get(compile_quickly(function, *arguments)(*arguments))
