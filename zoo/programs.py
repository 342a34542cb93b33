"""The programs of the project, by the names of the subcommands of `zoo`."""

import ast
from pathlib import Path

from zoo.errors import unknown

# The module of each subcommand, in the order of the help: `zoo train` is `python -m zoo.train`.
MODULES = {
    "train": "zoo.train",
    "evaluate": "zoo.evaluate",
    "report": "zoo.report",
    "predict": "zoo.predict",
    "export": "zoo.export",
    "doctor": "zoo.doctor.__main__",
    "models": "zoo.models.__main__",
    "recipes": "zoo.recipes",
    "summarize": "zoo.summarize",
    "preview": "zoo.preview",
    "compare": "zoo.compare",
    "benchmark": "zoo.benchmark.__main__",
    "verify": "verification.__main__",
    "completion": "zoo.completion",
}


def list_commands() -> list[str]:
    """Returns the subcommands whose programs are installed."""
    return [command for command, module in MODULES.items() if _file(module).is_file()]


def find_module(command: str) -> str:
    """Returns the module of a subcommand.

    Raises:
      ZooError: there is no such subcommand; the message names the nearest one.
    """
    if command not in list_commands():
        raise unknown("command", command, list_commands())
    return MODULES[command]


def describe(command: str) -> str:
    """Returns what a program does, in one line: the first line of its docstring. The program is read, and not run."""
    docstring = ast.get_docstring(ast.parse(_file(MODULES[command]).read_text(encoding="utf-8")))
    assert docstring is not None, command
    return docstring.split("\n")[0]


def _file(module):
    return Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
