"""The command `zoo`: the same programs as `python -m zoo.NAME`, quick help and lists, and one-line errors."""

import json
import os
import subprocess
import sys
import time

import pytest
from programs import ROOT, run_python

import zoo
from zoo.models.listing import list_networks
from zoo.programs import MODULES, describe


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Runs the command `zoo`, from a script like the one that pip installs."""
    script = tmp_path_factory.mktemp("bin") / "zoo"
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom zoo.__main__ import main\nsys.exit(main())\n")
    script.chmod(0o755)

    def run(*arguments, **environment):
        return subprocess.run(
            [script, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_help_has_a_line_for_each_program(command):
    started = time.perf_counter()
    done = command("--help")
    assert time.perf_counter() - started < 15  # a third of a second on an idle machine
    assert done.returncode == 0 and done.stdout == run_python("-m", "zoo", "--help").stdout
    assert f"  train       {describe('train')}" in done.stdout.splitlines()
    assert [line.split()[0] for line in done.stdout.split("Commands:\n")[1].splitlines()] == list(MODULES)
    assert command().returncode == 2


@pytest.mark.parametrize("name", MODULES)
def test_a_subcommand_is_the_program(name, command):
    module = MODULES[name].removesuffix(".__main__")
    done, same = command(name, "--help"), run_python("-m", module, "--help")
    assert done.returncode == 0 and done.stdout == same.stdout and "Flags:" in done.stdout
    done, same = command(name, "--no_such_flag"), run_python("-m", module, "--no_such_flag")
    assert done.returncode == same.returncode == 2
    assert done.stderr.startswith(f"zoo {name}: ") and same.stderr.startswith(f"python -m {module}: ")
    assert done.stderr.removeprefix(f"zoo {name}: ") == same.stderr.removeprefix(f"python -m {module}: ")


def test_errors_are_one_line(command):
    for arguments, message in (
        (["trian"], "zoo: unknown command 'trian': did you mean 'train'?"),
        ([], "zoo: missing command, one of train, "),
        (["--recipe=alexnet"], "zoo: '--recipe=alexnet' has to come after a command, as in zoo train"),
        (["train\n\x1b[2J"], r"zoo: unknown command 'train\n\x1b[2J'"),
        (["train", "--recipe=alexnt"], "zoo train: unknown recipe 'alexnt': did you mean 'alexnet'?"),
        (["models", "alexnt*"], "zoo models: 'alexnt*': no network matches"),
        (["recipes", "alexnt*"], "zoo recipes: 'alexnt*': no recipe matches"),
    ):
        done = command(*arguments)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith(message) and len(done.stderr.splitlines()) == 1, done.stderr
    done = run_python("-m", "zoo", "trian")
    assert done.returncode == 2 and done.stderr.startswith("python -m zoo: unknown command")
    done = run_python("-m", "zoo", "train", "--recipe=alexnt")
    assert done.returncode == 2 and done.stderr.startswith("python -m zoo train: unknown recipe")


def test_a_program_that_restarts_itself_remains_the_subcommand(command, monkeypatch):
    """Without GLIBC_TUNABLES, programs that train restart themselves once, see `zoo.cli.use_huge_pages`."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    done = command("summarize", "lenet5", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["params"] == 61_706, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["models"], ["models", "--json"], ["recipes"], ["train", "--help"]])
def test_what_only_prints_imports_no_jax(arguments):
    script = (
        "import sys, zoo.__main__; sys.argv = ['zoo', *sys.argv[1:]]\n"
        "try: zoo.__main__.main()\n"
        "except SystemExit as ended: print(ended.code, {'jax', 'flax', 'numpy', 'matplotlib'} & {*sys.modules})"
    )
    assert run_python("-c", script, *arguments).stdout.splitlines()[-1] == "0 set()"


def test_networks():
    table = run_python("-m", "zoo.models").stdout
    assert all(f"  {name} " in table for name in list_networks())
    (row,) = json.loads(run_python("-m", "zoo.models", "alexnet", "--json").stdout)
    assert row["params"] == 60_965_224 and row["macs"] == 724_406_816 and row["year"] == 2012
    assert row["input_shape"] == [227, 227, 3] and "alexnet" in row["recipes"]
    assert (
        run_python("-m", "zoo.models", "alexnet*").stdout
        == run_python("-m", "zoo.summarize", "--filter=alexnet*").stdout
    )


def test_recipes():
    rows = json.loads(run_python("-m", "zoo.recipes", "--json").stdout)
    assert [row["name"] for row in rows] == zoo.list_recipes()
    (row,) = (row for row in rows if row["name"] == "alexnet")
    recipe = zoo.load_recipe("alexnet")
    assert row["fingerprint"] == recipe.fingerprint and row["target"]["value"] == recipe.target.value
    assert row["description"].startswith("Recipe for full-size AlexNet on Fashion-MNIST")
    table = run_python("-m", "zoo.recipes", "vgg1*").stdout
    assert "accuracy >= " in table and "100 epochs" in table and "tfds:imagenette" in table and "alexnet" not in table
