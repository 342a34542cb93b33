"""What the command-line programs share: how they parse flags, end, and set up JAX."""

import contextlib
import inspect
import logging
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from zoo.errors import TrainingInterrupted, ZooError, ZooWarning, reason, shown
from zoo.streams import USAGE_ERROR, end, prepare_streams

if TYPE_CHECKING:
    from zoo.recipe import Recipe

CRASH = 70  # EX_SOFTWARE: not to be taken for a program's own statuses, such as 1 for "did not converge"


def run(main: Callable[[flags.FlagValues], int], flag_values: flags.FlagValues) -> None:
    """Runs a program and exits with its status: 2 and one line for a mistake of the user's, 128 + n for signal n, 70 and
    a traceback for anything that is our own mistake.

    Args:
      main: gets the parsed flags, returns the exit status; its module's docstring is the help text.
      flag_values: with the program's flags defined. Each program has its own, so that importing two does no harm.
    """
    module = inspect.getmodule(main)
    assert module is not None and module.__spec__ is not None and module.__doc__ is not None
    program = f"python -m {module.__spec__.name.removesuffix('.__main__')}"
    _leave_errors_to_their_callers()
    prepare_streams(program)
    try:
        if {"--help", "-h", "-help"} & set(sys.argv[1:]):
            print(f"{module.__doc__.strip()}\n\nFlags:\n{flag_values.get_help(prefix='')}")
            end(0)
        use_huge_pages()
        extra = flag_values(sys.argv)[1:]
        if extra:
            raise ZooError(f"unexpected argument {extra[0]!r}: flags take the form --name=value, see --help")
        # As `--data=$DATA` gives it where there is no such variable; it would be as if the flag were not there.
        if empty := [name for name in flag_values if flag_values[name].present and flag_values[name].value == ""]:
            raise ZooError(f"--{empty[0]}= has no value: give it one, or leave the flag out")
        end(main(flag_values))
    except TrainingInterrupted as stopped:
        end(128 + stopped.signum, str(stopped))
    except (ZooError, flags.Error) as error:
        end(USAGE_ERROR, f"{program}: {error}")
    except KeyboardInterrupt:
        end(128 + signal.SIGINT, "interrupted")
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        end(128 + getattr(signal, "SIGPIPE", 13))  # Windows has no such signal
    except OSError as error:  # a file that is gone, a name that is too long, a full disk: the system's words say it
        what = error.filename if error.filename is not None else "the system refuses something"
        end(
            USAGE_ERROR,
            f"{program}: {os.fsdecode(what) if isinstance(what, bytes) else what}: {error.strerror or error}",
        )
    except MemoryError:
        end(USAGE_ERROR, f"{program}: there is not enough memory for this")
    except Exception as error:
        if str(error).startswith("RESOURCE_EXHAUSTED"):  # as XLA has it
            end(USAGE_ERROR, f"{program}: there is not enough memory for this: {reason(error)}")
        with contextlib.suppress(OSError):
            traceback.print_exc()
        end(CRASH)


def _leave_errors_to_their_callers() -> None:
    """Keeps Orbax's and TensorStore's background tasks from printing tracebacks of a damaged file or a full disk: the
    first of these errors is raised where it belongs, and the rest follow from it.
    """
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def report(unraisable):
        files = [frame.filename for frame in traceback.extract_tb(unraisable.exc_traceback)]
        if str(unraisable.exc_value) != "Event loop is closed" and not any("orbax" in file for file in files):
            sys.__unraisablehook__(unraisable)

    sys.unraisablehook = report


def _print_own_warnings_as_one_line() -> None:
    """Leaves out the place in the code and its text, which Python shows beside each warning."""
    show = warnings.showwarning

    def print_line(message, category, *place, **options):
        if issubclass(category, ZooWarning):
            print(f"note: {message}", file=sys.stderr)
        else:
            show(message, category, *place, **options)

    warnings.showwarning = print_line


def use_huge_pages() -> None:
    """Starts the program anew, once, with memory in huge pages where Linux offers them on request; else it goes on.

    A training step allocates and frees hundreds of megabytes, and touching each 4 KB page of them for the first time
    takes up to half of its time on a CPU. glibc asks for huge pages only if told so before the program starts.
    """
    if sys.platform != "linux" or "GLIBC_TUNABLES" in os.environ or not sys.executable:
        return
    os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    sys.stdout.flush()
    with contextlib.suppress(OSError):  # a sandbox may not allow it
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class Integer(flags.IntegerParser):
    """Reads whole numbers as people write them: not 1_0, nor digits of other scripts, which Python would take."""

    def convert(self, argument: Any) -> int:
        if isinstance(argument, str) and not re.fullmatch(r"[+-]?[0-9]{1,18}", argument):
            raise ValueError(f"{shown(argument)} is not a whole number")
        return super().convert(argument)


def define_integer(
    name: str,
    default: int | None,
    text: str,
    *,
    lower_bound: int | None = None,
    upper_bound: int | None = None,
    flag_values: flags.FlagValues,
) -> None:
    """Defines a flag for a whole number."""
    parser = Integer(lower_bound=lower_bound, upper_bound=upper_bound)
    flags.DEFINE(parser, name, default, text, flag_values, flags.ArgumentSerializer[int]())


def define_recipe_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags that `read_recipe` reads."""
    flags.DEFINE_string(
        "recipe", None, "Name of a recipe, path of a recipe file, or dotted module.", flag_values=flag_values
    )
    flags.DEFINE_string(
        "data",
        None,
        "Other data: fashion_mnist, folder:PATH, tfds:NAME, csv:PATH or synthetic:NAME.",
        flag_values=flag_values,
    )
    flags.DEFINE_multi_string(
        "set", [], "Changes a field of the recipe, as in --set=schedule.peak=0.02.", flag_values=flag_values
    )


def read_recipe(flag_values: flags.FlagValues) -> tuple[str, "Recipe"]:
    """The recipe that the flags ask for, with a short name for it.

    Raises:
      ZooError: they ask for none, there is no such recipe, or a change does not fit.
    """
    from zoo.catalog import list_recipes, load_recipe
    from zoo.recipe.assignments import parse_changes

    if not flag_values.recipe:
        raise ZooError(f"which recipe? --recipe=NAME, where NAME is one of {', '.join(list_recipes())}")
    recipe = load_recipe(flag_values.recipe)
    changes = parse_changes(recipe, flag_values.set)
    if flag_values.data is not None:
        changes["data.source"] = flag_values.data
    if changes.get("data.source", recipe.data.source) != recipe.data.source and not any(
        path.partition(".")[0] == "target" for path in changes
    ):
        changes["target"] = None  # what the recipe promises, it promises for its own data
    return short_name(flag_values.recipe), recipe.override(changes)


def short_name(recipe_or_study: str) -> str:
    """The last part of a name, a path or a dotted module."""
    return Path(recipe_or_study.removesuffix(".py")).name.rpartition(".")[2]


def define_jax_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags that `set_up_jax` reads."""
    flags.DEFINE_bool(
        "compilation_cache",
        True,
        "Keep compiled programs in the user's cache folder, so that the next run starts sooner.",
        flag_values=flag_values,
    )


def define_convolution_flag(flag_values: flags.FlagValues) -> None:
    """Defines the flag that `chosen_convolution` reads."""
    flags.DEFINE_enum(
        "convolution",
        "auto",
        ["auto", "xla", "fast"],
        "How networks are computed: xla by JAX's own operations, fast by what is faster on CPUs; auto is fast on CPUs.",
        flag_values=flag_values,
    )


def chosen_convolution(flag_values: flags.FlagValues) -> AbstractContextManager[None]:
    """The context in which networks are computed as the flag says."""
    from zoo.layers.lowering import convolution_lowering

    return convolution_lowering(flag_values.convolution)


def define_distributed_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags for several processes."""
    flags.DEFINE_bool(
        "distributed",
        False,
        "Run as one of several processes. Slurm, Open MPI, Kubernetes and Cloud TPU are recognized; elsewhere give the"
        " three flags below too.",
        flag_values=flag_values,
    )
    flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, with --distributed.", flag_values=flag_values)
    define_integer(
        "num_processes", None, "How many processes, with --distributed.", lower_bound=1, flag_values=flag_values
    )
    define_integer(
        "process_id", None, "Which of them this is, with --distributed.", lower_bound=0, flag_values=flag_values
    )


def set_up_jax(flag_values: flags.FlagValues) -> None:
    """Sets JAX up as the flags say; to be called before the first array is made."""
    import jax
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    _print_own_warnings_as_one_line()
    if flag_values.compilation_cache and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoo" / "compiled"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    if "distributed" in flag_values and not flag_values.distributed:
        given = [name for name in ("coordinator", "num_processes", "process_id") if flag_values[name].present]
        if given:
            raise ZooError(f"--{given[0]} is for --distributed, which is not given")
    if "distributed" in flag_values and flag_values.distributed:
        try:
            jax.distributed.initialize(flag_values.coordinator, flag_values.num_processes, flag_values.process_id)
        except (ValueError, RuntimeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise ZooError(
                f"--distributed: {reason} (--coordinator, --num_processes and --process_id say it by hand)"
            ) from None
