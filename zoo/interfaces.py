"""Table of the unstable or non-public interfaces of other packages, and of the system, that the code depends on.

Each entry lists the versions it was tested with, and the fallback for versions that lack the interface or are newer.
`tests/project/test_interfaces.py` checks the table against the code.
"""

import re
import warnings
from dataclasses import dataclass

from zoo.errors import ZooWarning


@dataclass(frozen=True)
class Interface:
    """An interface that may change without notice.

    Attributes:
      name: description of the interface.
      package: the package that it belongs to; "python" and "system" are not packages.
      mark: text by which its uses are found in the code.
      used_in: files of `zoo/` that contain the mark.
      tested: versions of the package with which the tests of these files were run; empty where versions do not matter.
      fallback: what happens without it.
    """

    name: str
    package: str
    mark: str
    used_in: tuple[str, ...]
    tested: tuple[str, ...]
    fallback: str


PRIMITIVE = Interface(
    name="the faster lowerings for CPUs, custom primitives of JAX: `jax.extend.core`, `jax.interpreters`",
    package="jax",
    mark="jax.interpreters",
    used_in=("layers/convolution/fast.py",),
    tested=("0.10.2", "0.11.2", "0.12.0.1"),
    fallback="The lowerings for CPUs (`zoo/layers/lowering.py`) are not used, only JAX's own operations:"
    " slower on CPUs, the same numbers up to rounding. A one-line warning is printed.",
)

ONEDNN = Interface(
    name="oneDNN's convolution and matrix product, as called by XLA's compiler (`onednn_config.proto` in its source)",
    package="jaxlib",
    mark="ffi_call",
    used_in=("layers/convolution/onednn.py",),
    tested=("0.10.2", "0.11.2", "0.12.0.1"),
    fallback="With another jaxlib, processor or system, convolutions are lowered without it: slower on CPUs, the same"
    " numbers up to rounding. A one-line warning is printed if the jaxlib is the reason. A jaxlib that accepts these"
    " calls but interprets them differently could crash the process, so untested versions are not used.",
)

INTERFACES = (
    PRIMITIVE,
    Interface(
        name="options of XLA's compiler: `xla_backend_optimization_level`, `xla_cpu_use_fusion_emitters`",
        package="jaxlib",
        mark="CPU_OPTIONS",
        used_in=("compilation.py",),
        tested=("0.10.2", "0.11.2", "0.12.0.1"),
        fallback="Each is first tried on a trivial program, and omitted if XLA rejects it: programs that run once then"
        " take some tenths of a second longer to compile. The second does not exist from 0.11 on.",
    ),
    ONEDNN,
    Interface(
        name="`jax.experimental.multihost_utils`",
        package="jax",
        mark="jax.experimental",
        used_in=("training/run/checkpoint.py", "training/fit.py", "training/interruption.py"),
        tested=("0.10.2", "0.11.2", "0.12.0.1"),
        fallback="It is imported with `zoo.fit`, so training fails; only runs with several processes need it.",
    ),
    Interface(
        name="version 1 of Orbax's interface, `orbax.checkpoint.v1`",
        package="orbax-checkpoint",
        mark="from orbax",
        used_in=("training/run/checkpoint.py",),
        tested=("0.11.36", "0.12.0", "0.12.8"),
        fallback="It is imported with `zoo.fit`, so training fails. Methods that 0.12 renamed are called by whichever"
        " name exists.",
    ),
    Interface(
        name="the folder of Orbax's code, by which its log records and its tasks' errors are recognized",
        package="orbax-checkpoint",
        mark='"orbax" ',
        used_in=("cli.py", "training/run/checkpoint.py"),
        tested=("0.11.36", "0.12.0", "0.12.8"),
        fallback="Orbax logs each file that it writes; a damaged checkpoint prints tracebacks in addition to the"
        " one-line error.",
    ),
    Interface(
        name="Grain's data sets (before version 1), and the absl flags that its worker processes read",
        package="grain",
        mark="import grain",
        used_in=("data/pipeline.py",),
        tested=("0.2.15", "0.2.18"),
        fallback="No data is read, so training fails. A version that shuffles differently changes the results: the"
        " order of examples is derived from the seed by its shuffle.",
    ),
    Interface(
        name="Flax's interceptors: `nn.intercept_methods`, with the module and the method's name in their context",
        package="flax",
        mark="intercept_methods",
        used_in=(
            "doctor/adapters/recipe_changes.py",
            "inspect/activations.py",
            "inspect/layers.py",
            "training/step/initialization.py",
            "inspect/summary.py",
            "training/step/forward.py",
        ),
        tested=("0.12.1", "0.12.8", "0.12.12"),
        fallback="Layer tables, activations by name and training all need it.",
    ),
    Interface(
        name="the option `jax_persistent_cache_min_compile_time_secs`, which keeps programs with oneDNN calls out of"
        " JAX's persistent compilation cache: XLA cannot serialize them",
        package="jax",
        mark="min_compile_time_secs",
        used_in=("compilation.py",),
        tested=("0.10.2", "0.11.2", "0.12.0.1"),
        fallback="JAX rejects an option that it does not know, and nothing is lowered to oneDNN. If the option no"
        " longer kept these programs out of the cache, each would cause a warning or a crash, as in 0.12.0.1.",
    ),
    Interface(
        name="the module names of PIL's warnings, which start with PIL",
        package="pillow",
        mark='module=r"PIL',
        used_in=("data/decoding.py",),
        tested=("11.0.0", "13.0.0"),
        fallback="PIL would print warnings about images that it considers too large and about damaged EXIF fields;"
        " nothing else would change.",
    ),
    Interface(
        name="the traceback of an unraisable exception, and the logger `asyncio`: Orbax's background tasks",
        package="python",
        mark="unraisablehook",
        used_in=("cli.py",),
        tested=("3.11", "3.12", "3.13"),
        fallback="As above.",
    ),
    Interface(
        name="glibc's tunable `glibc.malloc.hugetlb`, set for a program that restarts itself",
        package="system",
        mark="GLIBC_TUNABLES",
        used_in=("cli.py",),
        tested=(),
        fallback="Where the system is not Linux, its C library is not glibc, or the program may not restart itself:"
        " memory in small pages, with which training steps on CPUs take up to twice as long.",
    ),
    Interface(
        name="`/proc`: the processor's name, and the peak memory of a process",
        package="system",
        mark='Path("/proc',
        used_in=("benchmark/memory.py", "training/run/environment.py"),
        tested=(),
        fallback="The name is that of Python's `platform`, and benchmarks report no memory.",
    ),
)


def parse_version(version: str) -> tuple[int, ...]:
    """Returns the leading numbers of a version: (0, 13, 0) for "0.13.0.dev2026" and (0, 11, 1) for "0.11.1rc1"."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def is_tested(interface: Interface, version: str) -> bool:
    """Returns whether a version is within the range that an interface was tested with, by its first two numbers.

    Warns with a `ZooWarning` if the version is newer.

    Args:
      interface: an entry with versions.
      version: the installed version of its package.
    """
    series = parse_version(version)[:2]
    oldest, newest = (extreme(parse_version(tested)[:2] for tested in interface.tested) for extreme in (min, max))
    if series > newest:
        last = max(interface.tested, key=parse_version)
        warnings.warn(
            f"{interface.package} {version} is newer than {last}, the last version tested with"
            f" {interface.name.partition(',')[0]}: using slower operations instead",
            ZooWarning,
            stacklevel=2,
        )
    return oldest <= series <= newest
