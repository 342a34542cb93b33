"""Programs that run once or twice: compiling them takes longer than running them, and so they are hardly optimized."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax

# Not a public interface, see `zoo.interfaces`: each of them is left out where XLA does not know it.
CPU_OPTIONS = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def compile_quickly(function: Callable, *arguments: Any, **options: Any) -> Callable:
    """`jax.jit(function, **options)`, compiled for these arguments."""
    lowered = jax.jit(function, **options).lower(*arguments)
    return lowered.compile(known_options(CPU_OPTIONS) if jax.default_backend() == "cpu" else None)


def known_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those of some options of XLA's compiler, by name, that this jaxlib takes."""
    return {name: value for name, value in options.items() if _is_known(name, value)}


@functools.cache
def _is_known(name, value):
    """Tried once in a process, on a program that does nothing: what goes wrong there is the option's fault."""
    try:
        jax.jit(lambda: 0).lower().compile({name: value})
    except Exception:  # whatever a version raises for it: without the option, programs compile all the same
        return False
    return True


def keep_programs_out_of_cache() -> None:
    """Has this process write no more programs into JAX's persistent compilation cache, whoever set that up.

    To be called before a program is lowered that XLA cannot write down: some versions say so, others end the process.
    """
    jax.config.update("jax_persistent_cache_min_compile_time_secs", math.inf)


def run_once(function: Callable, *arguments: Any) -> Any:
    """What the function gives under `jax.jit`, as NumPy arrays."""
    return jax.device_get(compile_quickly(function, *arguments)(*arguments))
