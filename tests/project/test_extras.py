"""Commands that install optional packages."""

import importlib.metadata
import re
import sys
import tomllib

from programs import ROOT

from zoo import extras
from zoo.extras import install_command

METADATA = [
    "jax>=0.10.2",
    "tensorflow-cpu>=2.18; sys_platform == 'linux' and extra == 'prepare'",
    "tensorflow>=2.18; sys_platform != 'linux' and extra == 'prepare'",
    "jax[cuda12]>=0.10.2; extra == 'gpu'",
    "keras>=3.6; extra == 'bench'",
    "torch>=2.6; extra == 'bench'",
    "colorama>=0.4; python_version >= '3'",
]


def installed(monkeypatch, tmp_path):
    """Makes the zoo an installed package: without pyproject.toml, with metadata."""
    monkeypatch.setattr(extras, "PYPROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: METADATA)


def test_commands_of_an_installed_package(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path)
    assert install_command("gpu") == "python -m pip install 'jax[cuda12]>=0.10.2'"
    assert install_command("bench") == "python -m pip install 'keras>=3.6' 'torch>=2.6'"
    assert install_command("bench", "torch") == "python -m pip install 'torch>=2.6'"


def test_only_what_applies_to_the_system(monkeypatch, tmp_path):
    package = "tensorflow-cpu" if sys.platform == "linux" else "tensorflow"
    assert install_command("prepare") == f"python -m pip install '{package}>=2.18'"
    installed(monkeypatch, tmp_path)
    assert install_command("prepare") == f"python -m pip install '{package}>=2.18'"


def test_commands_in_a_checkout_are_those_of_pyproject(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", None)  # the zoo need not be installed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in ("tabular", "keras"):
        (requirement,) = project["optional-dependencies"][extra]
        assert install_command(extra) == f"python -m pip install '{requirement}'"


def test_no_message_names_the_zoo_on_an_index():
    """`pip install zoo` or `'zoo[extra]'` would install whatever project of that name an index has."""
    named = re.compile(r"pip install [^\n]*\bzoo\b(?!-)")
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    files += [path for folder in ("zoo", "recipes", "verification") for path in (ROOT / folder).rglob("*.py")]
    wrong = [
        str(path) for path in files if named.search(path.read_text(encoding="utf-8").replace("&& python -m zoo", ""))
    ]
    assert wrong == []
