"""Answers why a network does not converge: measures it, trains it briefly, and replaces one thing at a time.

    python -m zoo.doctor runs/mine                                          # a run of python -m zoo.train
    python -m zoo.doctor --recipe=mine.py --data=folder:PATH                # a recipe
    python -m zoo.doctor --program=mymodule:make --like=resnet18            # a program of your own, in any framework

--program imports your module from the current folder, which runs its code, and calls the function without arguments; it
returns a zoo.doctor Program, such as zoo.doctor.from_torch(...). docs/doctor.md describes what it can be.

Exit status: 0 no fault was found and training works, 1 a fault was found, 2 the command or the data is invalid,
3 undecided, or nothing can be learned from the data, 70 a bug in the program.
"""

import contextlib
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from zoo import cli, recipe_flags, streams
from zoo.errors import ZooError, printable, reason, shown

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.doctor.diagnosis import Test

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "workdir", None, "Folder of a run; the same as an argument without a name, such as runs/mine.", flag_values=FLAGS
)
recipe_flags.define_recipe_flags(FLAGS)
flags.DEFINE_string(
    "program",
    None,
    "MODULE:FUNCTION or FILE.py:FUNCTION of your own, which is imported and called, and returns a Program.",
    flag_values=FLAGS,
)
flags.DEFINE_string("like", None, "Recipe to compare with; default: the nearest one.", flag_values=FLAGS)
cli.define_integer("seconds", 120, "Time for all tests.", lower_bound=1, flag_values=FLAGS)
cli.define_integer("seed", 0, "Seed of all random numbers.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
flags.DEFINE_string(
    "save",
    None,
    "Folder for diagnosis.json and report.html; default: doctor/ in the folder of the run, otherwise none.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "json", False, "Print the diagnosis as JSON, and everything else on standard error.", flag_values=FLAGS
)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Diagnoses, prints the diagnosis and saves it; returns 0 none, 1 fault, or 3 undecided or not learnable."""
    find_subject = check_subject(args)
    cli.set_up_jax(args)
    subject = find_subject()
    folder = args.save or (f"{args.workdir}/doctor" if args.workdir else None)
    if folder:
        streams.check_output("--save", Path(folder) / "report.html", make_folder=True)

    from zoo.doctor import diagnose
    from zoo.doctor.report.terminal import print_diagnosis
    from zoo.json_files import strict

    console = streams.make_console(stderr=args.json)
    with cli.chosen_convolution(args), progress(console, args.seconds) as on_test:
        diagnosis = diagnose(subject, like=args.like, seconds=float(args.seconds), seed=args.seed, on_test=on_test)
    if folder:
        diagnosis.save(folder)
    print_diagnosis(console, diagnosis, Path(folder) / "report.html" if folder else None)
    if args.json:
        print(json.dumps(strict(diagnosis.to_json())))
    return diagnosis.exit_status


def check_subject(args: flags.FlagValues) -> Callable[[], Any]:
    """Returns a function that gives what is diagnosed: the folder of a run, a recipe or a program.

    Whatever can be checked without JAX is checked before; the function may create arrays.

    Raises:
      ZooError: none or several of the three are given, or the folder or recipe cannot be used.
    """
    given = [name for name in ("workdir", "recipe", "program") if args[name].value]
    if not given:
        raise ZooError("nothing to diagnose: give the folder of a run, --recipe=NAME or --program=MODULE:FUNCTION")
    if len(given) > 1:
        first, second = ("the folder of a run" if name == "workdir" else f"--{name}" for name in given[:2])
        raise ZooError(f"{first} and {second} are given: give one thing to diagnose")
    if args.recipe:
        recipe = recipe_flags.read_recipe(args)[1]
        recipe.check_weights_given()
        return lambda: recipe_flags.prepare_as_trained(args, recipe)
    for name in ("data", "set", "weights"):
        if args[name].value:
            raise ZooError(f"--{name} requires --recipe=NAME")
    if args.program:
        return lambda: load_program(args.program)
    check_run(args.workdir)
    return lambda: args.workdir


def check_run(workdir: str) -> None:
    """Raises `ZooError` if a path is not the folder of a run."""
    from zoo.catalog import list_recipes
    from zoo.training.run.files import RunFiles

    try:
        is_folder = Path(workdir).is_dir()
    except (OSError, ValueError):  # a name that no file can have
        is_folder = False
    if not is_folder and (workdir.endswith(".py") or workdir in list_recipes()):
        raise ZooError(f"{shown(workdir)} is not the folder of a run: give a recipe as --recipe={printable(workdir)}")
    RunFiles(workdir).read_identity()


def load_program(name: str) -> Any:
    """Imports a module of the user's, and returns the program that its function makes.

    Args:
      name: "MODULE:FUNCTION", "MODULE.FUNCTION" or "FILE.py:FUNCTION".

    Raises:
      ZooError: there is no such function, it raises an error, or what it returns is not a program.
    """
    from zoo.catalog import load_object
    from zoo.doctor.program import check_program

    make = load_object(name if ".py:" in name else name.replace(":", "."), "program")
    if not callable(make):
        raise ZooError(
            f"--program={printable(name)}: expected a function that takes no arguments and returns a Program, not"
            f" {shown(make)}"
        )
    try:
        program = make()
    except Exception as error:
        raise ZooError(
            f"--program={printable(name)}{_place(error)}: {type(error).__name__}: {reason(error)}"
        ) from error
    try:
        return check_program(program)
    except ZooError as error:
        raise ZooError(f"--program={printable(name)}: {error}") from None


def _place(error):
    """Returns where in the user's file an error came from, as ", line N"; "" if it is the call itself that failed."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    lines = [frame.lineno for frame in frames if frame.filename == frames[0].filename]
    return f", line {lines[-1]}" if lines else ""


@contextlib.contextmanager
def progress(console: "Console", seconds: int) -> Iterator[Callable[["Test"], None]]:
    """Shows the current test and the time in a terminal; yields the function to call with each test."""
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task, count = bar.add_task(f"diagnosing, at most {seconds} s", total=None), 0

        def on_test(test):
            nonlocal count
            count += 1
            bar.update(
                task, description=f"diagnosing, at most {seconds} s: {count} tests, {escape(printable(test.name))}"
            )

        yield on_test


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="workdir")
