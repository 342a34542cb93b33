"""Prints a script with which a shell completes `zoo` commands: subcommands, flags and their values.

    eval "$(zoo completion bash)"       # in ~/.bashrc
    eval "$(zoo completion zsh)"        # in ~/.zshrc, after compinit
    zoo completion fish | source        # in ~/.config/fish/config.fish

The script runs `zoo` whenever the Tab key is pressed, so that it need not be renewed after an update.
"""

import argparse
import importlib
import os
from collections.abc import Callable, Iterable
from typing import Any

import argcomplete
from absl import flags
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from zoo import cli
from zoo.errors import ZooError, unknown
from zoo.programs import MODULES, describe

SHELLS = ("bash", "zsh", "fish")
DATA = ("csv:", "fashion_mnist", "folder:", "synthetic:", "tfds:")  # see `zoo.open_source`
FLAGS = flags.FlagValues()
flags.DEFINE_string("shell", None, "bash, zsh or fish; the same as an argument without a name.", flag_values=FLAGS)

Completer = Callable[..., Iterable[str]]  # called with keyword arguments, such as `prefix` and `parsed_args`


def main(args: flags.FlagValues) -> int:
    """Prints the script; returns 0."""
    if not args.shell:
        raise ZooError(f"missing shell, one of {', '.join(SHELLS)}")
    if args.shell not in SHELLS:
        raise unknown("shell", args.shell, SHELLS)
    print(argcomplete.shellcode(["zoo"], shell=args.shell))
    return 0


def complete() -> None:
    """Prints how the command line in the environment variable COMP_LINE can go on, and ends the process."""
    given = os.environ["COMP_LINE"].split()[1:2]
    finder = Finder()
    finder(make_parser(given[0] if given else ""), always_complete_options=False)


class Finder(argcomplete.CompletionFinder):
    """Completes the names of flags that take a value with the equals sign that follows, as in `--recipe=`."""

    def filter_completions(self, completions: list[str]) -> list[str]:
        """Extends the completions; called by `argcomplete`."""
        takes_value = {
            name for action in self.active_parsers[-1]._actions if action.nargs != 0 for name in action.option_strings
        }
        for name in takes_value & {*completions}:
            self._display_completions[f"{name}="] = self._display_completions.get(name, "")
        return super().filter_completions([f"{name}=" if name in takes_value else name for name in completions])


def make_parser(command: str) -> argparse.ArgumentParser:
    """Returns a parser of `zoo` command lines, for `argcomplete`.

    Args:
      command: the subcommand whose flags the parser has; it knows only the names of the others, whose modules are not
        imported.
    """
    parser = argparse.ArgumentParser("zoo", allow_abbrev=False)
    programs = parser.add_subparsers()
    for name in MODULES:
        program = programs.add_parser(name, help=_escaped(describe(name)), allow_abbrev=False)
        if name == command:
            _add_arguments(program, name)
    return parser


def _add_arguments(program, command):
    defined = importlib.import_module(MODULES[command]).FLAGS
    for flag in (defined[name] for name in defined):
        text = _escaped(flag.help)
        if not flag.boolean:
            program.add_argument(f"--{flag.name}", action="append", help=text).completer = _completer_of(flag)
        else:  # what is on by default is switched off by --noNAME
            name = f"--no{flag.name}" if flag.default else f"--{flag.name}"
            program.add_argument(name, action="store_true", help=text)
    positional = program.add_argument("argument", nargs="*")
    positional.completer = POSITIONAL.get(command, FilesCompleter())


def _completer_of(flag):
    if isinstance(flag, flags.EnumFlag):
        return lambda **_: flag.parser.enum_values
    if isinstance(flag.parser, flags.IntegerParser):
        return lambda **_: ()
    return VALUES.get(flag.name, FilesCompleter())


# Shells wait for the values of a flag, so that only what these need is imported.


def _recipes(prefix: str, **context: Any) -> list[str]:
    from zoo.catalog import list_recipes

    return [*list_recipes(), *FilesCompleter(("py",))(prefix=prefix, **context)]


def _studies(prefix: str, **context: Any) -> list[str]:
    from zoo.catalog import list_studies

    return [*list_studies(), *FilesCompleter(("py",))(prefix=prefix, **context)]


def _networks(**_: Any) -> list[str]:
    from zoo.models.listing import list_networks

    return list_networks()


def _fields(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Returns the fields of the recipe that the line names; a file of the user's own is not run for that."""
    from zoo.catalog import list_recipes, load_recipe

    known = [name for name in getattr(parsed_args, "recipe", None) or () if name in list_recipes()]
    return [f"{path}=" for name in known for path in load_recipe(name).flat() if not path.endswith("kind")]


def _data(prefix: str, **context: Any) -> list[str]:
    kind, colon, path = prefix.partition(":")
    completers = {"folder": DirectoriesCompleter(), "csv": FilesCompleter()}
    if not colon or kind not in completers:
        return list(DATA)
    return [f"{kind}:{found}" for found in completers[kind](prefix=path, **context)]


def _escaped(text):
    return text.replace("%", "%%")  # argparse formats it


VALUES: dict[str, Completer] = {
    "data": _data,
    "like": _recipes,
    "model": _networks,
    "recipe": _recipes,
    "set": _fields,
    "study": _studies,
    "vary": _fields,
    "workdir": DirectoriesCompleter(),
}
POSITIONAL: dict[str, Completer] = {
    "completion": lambda **_: SHELLS,
    "doctor": DirectoriesCompleter(),
    "models": _networks,
    "recipes": _recipes,
    "summarize": _networks,
}


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="shell", huge_pages=False)
