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


def find_module(command: str) -> str:
    """Returns the module of a subcommand.

    Raises:
      ZooError: there is no such subcommand; the message names the nearest one.
    """
    if command not in MODULES:
        raise unknown("command", command, MODULES)
    return MODULES[command]


def describe(command: str) -> str:
    """Returns what a program does, in one line: the first line of its docstring. The program is read, and not run."""
    file = Path(__file__).parents[1].joinpath(*MODULES[command].split(".")).with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert docstring is not None, file
    return docstring.split("\n")[0]
