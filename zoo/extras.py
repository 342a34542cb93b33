"""Commands that install optional packages: by the packages' own names, since `zoo` on an index is another project."""

import importlib.metadata
import shlex
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"  # in a checkout


def install_command(extra: str, *packages: str) -> str:
    """Returns the command that installs the packages of an extra, such as "python -m pip install 'h5py>=3.12.1'".

    Args:
      extra: a name from `project.optional-dependencies` in pyproject.toml.
      *packages: names of the packages to install, of those of the extra; all if none are given.
    """
    chosen = [each for each in _requirements(extra) if not packages or each.name in packages]
    names = [f"{each.name}{_bracketed(each.extras)}{each.specifier}" for each in chosen]
    return f"python -m pip install {shlex.join(names)}"


def _requirements(extra: str) -> list[Requirement]:
    """Returns the requirements of an extra that apply to this Python and system."""
    if PYPROJECT.is_file():  # the package need not be installed, or may be of another version
        project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
        found = [Requirement(line) for line in project["optional-dependencies"][extra]]
    else:
        everything = [Requirement(line) for line in importlib.metadata.requires("zoo") or ()]
        found = [each for each in everything if each.marker and not each.marker.evaluate({"extra": ""})]
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": extra})]


def _bracketed(extras):
    return f"[{','.join(sorted(extras))}]" if extras else ""
