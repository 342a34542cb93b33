"""Flag parsing, exit statuses and JAX setup shared by the command-line programs."""

import contextlib
import inspect
import logging
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from absl import flags

from zoo.errors import TrainingInterrupted, ZooError, ZooWarning, reason, shown
from zoo.streams import USAGE_ERROR, end, prepare_streams

INTERNAL_ERROR = 70  # EX_SOFTWARE; distinct from the programs' own statuses, such as 1 for "did not converge"


def run(
    main: Callable[[flags.FlagValues], int],
    flag_values: flags.FlagValues,
    *,
    positional: str | None = None,
    huge_pages: bool = True,
) -> None:
    """Runs a program and exits with its status.

    The status is 2, with a one-line message, for a usage error; 128 + n for signal n; and 70, with a traceback, for a
    bug in the program.

    Args:
      main: takes the parsed flags and returns the exit status; its module's docstring is the help text.
      flag_values: defines the program's flags. Each program has its own, so that several can be imported together.
      positional: name of the flag that an argument without a name sets; None if the program takes no such argument. A
        flag of many values takes any number of arguments, before and after other flags.
      huge_pages: whether to call `use_huge_pages`, which restarts the program: not for programs that only print.
    """
    module = inspect.getmodule(main)
    assert module is not None and module.__spec__ is not None and module.__doc__ is not None
    # `zoo train` sets the name with which it runs this program, see `zoo.__main__`.
    program = getattr(module, "CALLED_AS", f"python -m {module.__spec__.name.removesuffix('.__main__')}")
    with exit_statuses(program):
        if {"--help", "-h", "-help"} & set(sys.argv[1:]):
            print(f"{module.__doc__.strip()}\n\nFlags:\n{flag_values.get_help(prefix='')}")
            end(0)
        if huge_pages:
            use_huge_pages()
        many = positional is not None and isinstance(flag_values[positional], flags.MultiFlag)
        extra = flag_values(sys.argv)[1:]
        if many and extra:
            assert positional is not None
            flag_values[positional].parse(extra)
            extra = []
        if extra and positional:
            if flag_values[positional].present:
                raise ZooError(f"unexpected argument {extra[0]!r}: --{positional} is given as well")
            flag_values[positional].parse(extra.pop(0))
            if extra:
                raise ZooError(f"unexpected argument {extra[0]!r}: only one {positional} can be given")
        if extra:
            raise ZooError(f"unexpected argument {extra[0]!r}: flags take the form --name=value, see --help")
        # `--data=$DATA` with an undefined variable would otherwise be the same as no flag.
        if empty := [name for name in flag_values if flag_values[name].present and flag_values[name].value == ""]:
            raise ZooError(f"--{empty[0]}= has no value: give one, or omit the flag")
        end(main(flag_values))


@contextlib.contextmanager
def exit_statuses(program: str) -> Iterator[None]:
    """Turns errors into the exit statuses and the one-line messages that `run` describes.

    Args:
      program: what the messages call the program.
    """
    _silence_background_tracebacks()
    _print_own_warnings_as_one_line()
    prepare_streams(program)
    try:
        yield
    except TrainingInterrupted as stopped:
        end(128 + stopped.signum, str(stopped))
    except (ZooError, flags.Error) as error:
        end(USAGE_ERROR, f"{program}: {error}")
    except KeyboardInterrupt:
        end(128 + signal.SIGINT, "interrupted")
    except BrokenPipeError:  # the reader of the output, such as `head`, has exited
        end(128 + getattr(signal, "SIGPIPE", 13))  # Windows has no such signal
    except OSError as error:  # a missing file, a name that is too long, a full disk: the system's message is clear
        what = error.filename if error.filename is not None else "operating system error"
        end(
            USAGE_ERROR,
            f"{program}: {os.fsdecode(what) if isinstance(what, bytes) else what}: {error.strerror or error}",
        )
    except MemoryError:
        end(USAGE_ERROR, f"{program}: out of memory")
    except Exception as error:
        if str(error).startswith("RESOURCE_EXHAUSTED"):  # XLA's error
            end(USAGE_ERROR, f"{program}: out of memory: {reason(error)}")
        with contextlib.suppress(OSError):
            traceback.print_exc()
        end(INTERNAL_ERROR)


def _silence_background_tracebacks() -> None:
    """Keeps background tasks of Orbax and TensorStore from printing tracebacks about a damaged file or a full disk.

    The first such error is raised to its caller; the others follow from it.
    """
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def report(unraisable):
        files = [frame.filename for frame in traceback.extract_tb(unraisable.exc_traceback)]
        if str(unraisable.exc_value) != "Event loop is closed" and not any("orbax" in file for file in files):
            sys.__unraisablehook__(unraisable)

    sys.unraisablehook = report


def _print_own_warnings_as_one_line() -> None:
    """Prints each `ZooWarning` as one line, without the source location that Python adds."""
    show = warnings.showwarning

    def print_line(message, category, *place, **options):
        if issubclass(category, ZooWarning):
            print(f"note: {message}", file=sys.stderr)
        else:
            show(message, category, *place, **options)

    warnings.showwarning = print_line


def use_huge_pages() -> None:
    """Restarts the program once with huge pages enabled in glibc's allocator, on Linux; does nothing elsewhere.

    A training step allocates and frees hundreds of megabytes, and on a CPU the page faults of 4 KB pages take up to
    half of its time. glibc requests huge pages only if this is configured before the program starts.
    """
    if sys.platform != "linux" or "GLIBC_TUNABLES" in os.environ or not sys.executable:
        return
    os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    sys.stdout.flush()
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class Integer(flags.IntegerParser):
    """Parser of decimal integers in ASCII digits, without the underscores and other scripts that `int` accepts."""

    def convert(self, argument: Any) -> int:
        if isinstance(argument, str) and not re.fullmatch(r"[+-]?[0-9]{1,18}", argument):
            raise ValueError(f"expected an integer, got {shown(argument)}")
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
    """Defines an integer flag."""
    parser = Integer(lower_bound=lower_bound, upper_bound=upper_bound)
    flags.DEFINE(parser, name, default, text, flag_values, flags.ArgumentSerializer[int]())


def define_jax_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags that `set_up_jax` reads."""
    flags.DEFINE_bool(
        "compilation_cache",
        True,
        "Cache compiled programs in the user's cache folder, so that later runs start sooner.",
        flag_values=flag_values,
    )


def define_convolution_flag(flag_values: flags.FlagValues) -> None:
    """Defines the flag that `chosen_convolution` reads."""
    flags.DEFINE_enum(
        "convolution",
        "auto",
        ["auto", "xla", "fast"],
        "Implementation of networks: xla (JAX's own operations), fast (faster on CPUs) or auto (fast on CPUs).",
        flag_values=flag_values,
    )


def chosen_convolution(flag_values: flags.FlagValues) -> AbstractContextManager[None]:
    """Returns a context manager that selects the implementation named by the flag."""
    from zoo.layers.lowering import convolution_lowering

    return convolution_lowering(flag_values.convolution)


def define_distributed_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of training in several processes."""
    flags.DEFINE_bool(
        "distributed",
        False,
        "Run as one of several processes. Slurm, Open MPI, Kubernetes and Cloud TPU are detected; elsewhere, set the"
        " three flags below as well.",
        flag_values=flag_values,
    )
    flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, with --distributed.", flag_values=flag_values)
    define_integer(
        "num_processes", None, "Number of processes, with --distributed.", lower_bound=1, flag_values=flag_values
    )
    define_integer(
        "process_id", None, "Index of this process, with --distributed.", lower_bound=0, flag_values=flag_values
    )


def set_up_jax(flag_values: flags.FlagValues) -> None:
    """Configures JAX according to the flags; must be called before the first array is created."""
    import jax
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    if flag_values.compilation_cache and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoo" / "compiled"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    if "distributed" in flag_values and not flag_values.distributed:
        given = [name for name in ("coordinator", "num_processes", "process_id") if flag_values[name].present]
        if given:
            raise ZooError(f"--{given[0]} requires --distributed")
    if "distributed" in flag_values and flag_values.distributed:
        try:
            jax.distributed.initialize(flag_values.coordinator, flag_values.num_processes, flag_values.process_id)
        except (ValueError, RuntimeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise ZooError(
                f"--distributed: {reason} (set --coordinator, --num_processes and --process_id explicitly)"
            ) from None
