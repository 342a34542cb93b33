"""Prints constraints for pip with the lowest versions of dependencies that pyproject.toml allows.

    python .ci/lowest.py keras tabular > constraints.txt

Each line is "name==version". The arguments name extras to include.
"""

import re
import sys
import tomllib
from pathlib import Path


def lowest(requirements: list[str]) -> dict[str, str]:
    """Returns the lower bound of each requirement by package name.

    Raises:
      ValueError: a requirement has no lower bound.
    """
    found = {}
    for requirement in requirements:
        name, bound = re.fullmatch(r"([\w.-]+)(?:\[.*?\])?([^;]*)(?:;.*)?", requirement).groups()
        version = re.search(r">=\s*([\w.]+)", bound)
        if not version:
            raise ValueError(f"pyproject.toml: {requirement!r} has no lower bound")
        found[name] = version[1]
    return found


if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in sys.argv[1:] for line in project["optional-dependencies"][extra]),
    ]
    for name, version in lowest(wanted).items():
        print(f"{name}=={version}")
