"""Checks of commands in documents without running them: programs, flags, and the names that they are given."""

import copy
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator

from absl import flags
from programs import ROOT

from verification.faults import FAULTS
from verification.suite import GROUPS
from zoo.catalog import list_recipes, list_studies, load_recipe
from zoo.models.registry import list_models
from zoo.programs import find_module
from zoo.recipe.assignments import parse_changes

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
# Programs of others, whose arguments are not checked.
OTHERS = {"cd", "mkdir", "docker", "gcloud", "git", "lint-imports", "ruff", "sh", "test", "wait", ".", "bash"}
MODULES = {"mkdocs", "mypy", "pip", "pre_commit", "pytest", "venv"}
PLACEHOLDER = re.compile(r"[A-Z][A-Z_.]*(:[A-Z]+)?")


def check_commands(text: str) -> int:
    """Checks the commands of a block, and returns how many of the project's programs it runs.

    Raises:
      AssertionError: a command has a flag that its program lacks, or a name that does not exist.
    """
    return sum(check_words(words) for line in text.replace("\\\n", " ").splitlines() for words in split(line))


def split(line: str) -> Iterator[list[str]]:
    """Yields the words of each command of a line."""
    parser = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    parser.whitespace_split = True
    words = []
    for word in parser:
        if word and set(word) <= {";", "&", "|"}:
            yield words
            words = []
        else:
            words.append(word)
    if words:
        yield words


def check_words(words: list[str]) -> int:
    """Checks one command, see `check_commands`."""
    checked = sum(check_commands(word.partition("=")[2] or word) for word in words if " -m " in word)
    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if not any(word.rpartition("/")[2] == "python" for word in words):
        if words and words[0] == "zoo":
            check_program(find_module(words[1]).removesuffix(".__main__"), words[2:])
            checked += 1
        elif words and words[0] == "pip":
            check_pip(words[1:])
        else:
            assert not words or words[0] in OTHERS, f"unknown program {words[0]}"
        return checked
    place = next(index for index, word in enumerate(words) if word.rpartition("/")[2] == "python")
    option, target, *arguments = *words[place + 1 :], "", ""
    arguments = [argument for argument in arguments if argument]
    if option == "-c":
        compile(target, "python -c", "exec")
    elif option != "-m":
        assert (ROOT / option).is_file(), f"no file {option}"
    elif target == "pip":
        check_pip(arguments)
    elif target.partition(".")[0] in ("zoo", "verification"):
        check_program(target, arguments)
        checked += 1
    else:
        assert target in MODULES or PLACEHOLDER.search(target), f"unknown module {target}"
    return checked


def check_pip(arguments: list[str]) -> None:
    """Checks that the extras of the project that `pip` is given exist."""
    for extra in re.findall(r"(?:\.|zoo)\[([\w,]+)\]", " ".join(arguments)):
        assert set(extra.split(",")) <= EXTRAS.keys(), f"unknown extra {extra}"


def program(module: str):
    """Returns the module of a program, `zoo.doctor.__main__` for `zoo.doctor`; None if there is none."""
    path = ROOT / module.replace(".", "/")
    if (path / "__main__.py").is_file():
        return importlib.import_module(f"{module}.__main__")
    file = path.with_suffix(".py")
    is_program = file.is_file() and 'if __name__ == "__main__":' in file.read_text(encoding="utf-8")
    return importlib.import_module(module) if is_program else None


def check_program(module: str, arguments: list[str]) -> None:
    """Checks the flags of one of the project's programs, and the names in them."""
    if PLACEHOLDER.search(module):
        return
    found = program(module)
    assert found is not None, f"no program {module}"
    if not hasattr(found, "FLAGS"):
        assert not [word for word in arguments if word.startswith("--")], f"{module} has no flags"
        return
    values = copy.deepcopy(found.FLAGS)
    numbers = [re.sub(r"=[A-Z]$", "=1", word) for word in arguments if word not in ("--help", "...")]
    try:
        values([module, *(re.sub(r"^(--\w+)=\.\.\.$", r"\1=x", word) for word in numbers)])
    except flags.Error as error:
        raise AssertionError(f"{module}: {error}") from None
    check_names(module, values)


def check_names(module: str, values: flags.FlagValues) -> None:
    """Checks the names of recipes, networks, studies, faults and groups, and the overrides of recipes."""
    known = {
        "recipe": list_recipes(),
        "model": list_models(),
        "like": list_recipes(),
        "study": list_studies(),
        "only": list(GROUPS),
    }
    for flag, names in known.items():
        for name in _given(values, flag):
            own = ".py" in name or "." in name or "/" in name or PLACEHOLDER.fullmatch(name)
            assert own or name in names, f"{module}: --{flag}={name} is not known"
    for name in _given(values, "fault"):
        assert PLACEHOLDER.search(name) or name.partition(":")[0] in FAULTS, f"{module}: no fault {name}"
    recipes = [name for name in _given(values, "recipe") if name in list_recipes()]
    changes = [each for each in _given(values, "set") if not PLACEHOLDER.search(each.partition("=")[0])]
    if changes:
        recipe = load_recipe(recipes[0] if recipes else "alexnet")
        recipe.override(parse_changes(recipe, changes))


def _given(values, flag):
    """Returns what a flag was given, as a list of names."""
    if flag not in values or not values[flag].present:
        return []
    value = values[flag].value
    return value if isinstance(value, list) else value.split(",")
