"""What is used of other packages, and of the system, that is no public and stable interface: one table of it.

Each line says which versions it was run with, and what happens without it: with a version that it is not there in, or
that is newer than those. `tests/project/test_interfaces.py` holds the table against the code.
"""

import re
import warnings
from dataclasses import dataclass

from zoo.errors import ZooWarning


@dataclass(frozen=True)
class Interface:
    """Something that may change without notice.

    Attributes:
      name: what it is.
      package: whose it is; "python" and "system" are no packages.
      mark: the text by which its uses are found in the code.
      used_in: the files of `zoo/` that have the mark.
      tried: the versions of the package with which the tests of these files were run; none where versions do not matter.
      without: what happens without it.
    """

    name: str
    package: str
    mark: str
    used_in: tuple[str, ...]
    tried: tuple[str, ...]
    without: str


PRIMITIVE = Interface(
    name="the faster programs for CPUs, primitives with lowerings of their own: `jax.extend.core`, `jax.interpreters`",
    package="jax",
    mark="jax.interpreters",
    used_in=("layers/convolution/fast.py",),
    tried=("0.10.2", "0.11.2", "0.12.0.1"),
    without="Nothing is computed by the lowerings for CPUs (`zoo/layers/lowering.py`), but all by JAX's own operations:"
    " slower on CPUs, the same numbers to rounding. One line says so.",
)

ONEDNN = Interface(
    name="oneDNN's convolution and matrix product, as XLA's compiler calls them (`onednn_config.proto` in its source)",
    package="jaxlib",
    mark="ffi_call",
    used_in=("layers/convolution/onednn.py",),
    tried=("0.10.2", "0.11.2", "0.12.0.1"),
    without="With another jaxlib, processor or system, convolutions are lowered without it: slower on CPUs, the same"
    " numbers to rounding. One line says so where the jaxlib is the reason. A jaxlib that took these calls and meant"
    " something else by them could end the process, and so none is asked that was not tried.",
)

INTERFACES = (
    PRIMITIVE,
    Interface(
        name="options of XLA's compiler: `xla_backend_optimization_level`, `xla_cpu_use_fusion_emitters`",
        package="jaxlib",
        mark="CPU_OPTIONS",
        used_in=("compilation.py",),
        tried=("0.10.2", "0.11.2", "0.12.0.1"),
        without="Each is tried first, on a program that does nothing, and left out if XLA refuses it: programs that run"
        " once are compiled for some tenths of a second longer. From 0.11 on, the second is not there.",
    ),
    ONEDNN,
    Interface(
        name="`jax.experimental.multihost_utils`",
        package="jax",
        mark="jax.experimental",
        used_in=("training/run/checkpoint.py", "training/fit.py", "training/interruption.py"),
        tried=("0.10.2", "0.11.2", "0.12.0.1"),
        without="It is imported with `zoo.fit`, and nothing trains; only runs of several processes need it.",
    ),
    Interface(
        name="Orbax's second interface, `orbax.checkpoint.v1`",
        package="orbax-checkpoint",
        mark="from orbax",
        used_in=("training/run/checkpoint.py",),
        tried=("0.11.36", "0.12.0", "0.12.8"),
        without="It is imported with `zoo.fit`, and nothing trains. Methods that 0.12 renamed are called by the name that"
        " is there.",
    ),
    Interface(
        name="the folder that Orbax's code lies in, by which its log records and its tasks' errors are told",
        package="orbax-checkpoint",
        mark='"orbax" ',
        used_in=("cli.py", "training/run/checkpoint.py"),
        tried=("0.11.36", "0.12.0", "0.12.8"),
        without="It logs each file that it writes; a damaged checkpoint prints tracebacks beside the one line that says it.",
    ),
    Interface(
        name="Grain's data sets (before version 1), and the absl flags that its worker processes read",
        package="grain",
        mark="import grain",
        used_in=("data/pipeline.py",),
        tried=("0.2.15", "0.2.18"),
        without="Nothing is read, and nothing trains. A version that shuffles otherwise gives other runs: the order of"
        " examples follows from the seed by its shuffle.",
    ),
    Interface(
        name="Flax's interceptors: `nn.intercept_methods`, with the module and the method's name in their context",
        package="flax",
        mark="intercept_methods",
        used_in=(
            "inspect/activations.py",
            "training/step/initialization.py",
            "inspect/summary.py",
            "training/diagnosis.py",
            "training/step/step.py",
        ),
        tried=("0.12.1", "0.12.8", "0.12.12"),
        without="Layer tables, activations by name and training all need it.",
    ),
    Interface(
        name="the setting `jax_persistent_cache_min_compile_time_secs`, which keeps programs with oneDNN's calls out of"
        " JAX's persistent compilation cache: XLA cannot write them down",
        package="jax",
        mark="min_compile_time_secs",
        used_in=("compilation.py",),
        tried=("0.10.2", "0.11.2", "0.12.0.1"),
        without="JAX refuses a setting that it does not know, and nothing is lowered by oneDNN. One that no longer kept"
        " them out would bring a warning for each, or the end of the process: 0.12.0.1 does either.",
    ),
    Interface(
        name="that PIL's warnings come from modules called PIL",
        package="pillow",
        mark='module=r"PIL',
        used_in=("data/decoding.py",),
        tried=("11.0.0", "13.0.0"),
        without="Images that PIL thinks too large, and damaged EXIF fields, would be announced by warnings; nothing else would change.",
    ),
    Interface(
        name="the traceback of an exception that nobody can catch, and the logger `asyncio`: Orbax's background tasks",
        package="python",
        mark="unraisablehook",
        used_in=("cli.py",),
        tried=("3.11", "3.12", "3.13"),
        without="As above.",
    ),
    Interface(
        name="glibc's tunable `glibc.malloc.hugetlb`, set for a program that starts itself anew",
        package="system",
        mark="GLIBC_TUNABLES",
        used_in=("cli.py",),
        tried=(),
        without="Where the system is not Linux, where its C library is not glibc, or where a program may not start"
        " itself anew: memory in small pages, with which training steps on CPUs take up to twice as long.",
    ),
    Interface(
        name="`/proc`: the processor's name, and the memory of a process at its height",
        package="system",
        mark='Path("/proc',
        used_in=("benchmark/memory.py", "training/run/environment.py"),
        tried=(),
        without="The name is what Python's `platform` says, and benchmarks report no memory.",
    ),
)


def parse_version(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: (0, 13, 0) for "0.13.0.dev2026" and (0, 11, 1) for "0.11.1rc1"."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def was_tried(interface: Interface, version: str) -> bool:
    """Whether a version lies among those that an interface was tried with, by its first two numbers.

    Warns, with a `ZooWarning`, if it is newer: that is what someone who keeps up to date should know.

    Args:
      interface: one with versions.
      version: of its package, as installed.
    """
    series = parse_version(version)[:2]
    oldest, newest = (extreme(parse_version(tried)[:2] for tried in interface.tried) for extreme in (min, max))
    if series > newest:
        last = max(interface.tried, key=parse_version)
        warnings.warn(
            f"{interface.package} {version} is newer than {last}, the last that was tried with"
            f" {interface.name.partition(',')[0]}: going on without, which is slower",
            ZooWarning,
            stacklevel=2,
        )
    return oldest <= series <= newest
