"""The command `zoo`, which runs the programs of the project.

    zoo train --recipe=alexnet
    zoo train --help

`zoo train` is the same as `python -m zoo.train`, and likewise for the other programs, except that `zoo verify` is
`python -m verification`. Where `zoo` is not on the path, `python -m zoo train` is the same as well.
"""

import os
import runpy
import sys

from zoo import cli
from zoo.errors import ZooError, shown
from zoo.programs import MODULES, describe, find_module
from zoo.streams import end


def main() -> None:
    """Runs the program that the first argument names, with the other arguments, and exits with its status."""
    if "_ARGCOMPLETE" in os.environ:  # set by the script of `zoo completion`, when a shell completes a line
        from zoo.completion import complete

        complete()
    called = "python -m zoo" if sys.argv[0].endswith("__main__.py") else "zoo"
    with cli.exit_statuses(called):
        command, *arguments = sys.argv[1:] or [""]
        if command in ("--help", "-h", "-help", "help"):
            print(help_text())
            end(0)
        if not command:
            raise ZooError(f"missing command, one of {', '.join(MODULES)}; see {called} --help")
        if command.startswith("-"):
            raise ZooError(f"{shown(command)} has to come after a command, as in {called} train --recipe=alexnet")
        module = find_module(command)
    sys.argv[1:] = arguments
    runpy.run_module(module, {"CALLED_AS": f"{called} {command}"}, run_name="__main__", alter_sys=True)


def help_text() -> str:
    """Returns the help: the docstring of this module, and a line for each program."""
    assert __doc__ is not None
    width = max(map(len, MODULES))
    lines = [f"  {command:{width}}  {describe(command)}" for command in MODULES]
    return "\n".join([__doc__.strip(), "", "Commands:", *lines])


if __name__ == "__main__":
    main()
