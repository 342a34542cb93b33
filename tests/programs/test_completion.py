"""Completion of `zoo` commands: what is offered, and that real shells take it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest
from programs import ROOT, run_python

from zoo.completion import DATA, SHELLS
from zoo.data.sources import KINDS

WORDBREAKS = " \t\n\"'><=;|&(:"  # bash's


def offered(line, **environment):
    """Returns what is offered for a line with the cursor at its end, in the form for bash."""
    asked = {
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_COMP_WORDBREAKS": WORDBREAKS,
        **environment,
    }
    command = f'exec "{sys.executable}" -m zoo 8>&1 1>/dev/null 2>&1'
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True, timeout=60
    )
    return done.stdout.split("\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("zoo tr", ["train"]),
        ("zoo train --rec", ["--recipe="]),
        ("zoo train --js", ["--json"]),
        ("zoo train --nocomp", ["--nocompilation_cache"]),
        ("zoo train --recipe=alexnet_", ["alexnet_imagenet", "alexnet_imagenette"]),
        ("zoo train --recipe alexnet_", ["alexnet_imagenet", "alexnet_imagenette"]),
        ("zoo train --parallel=", ["shard_map", "pmap"]),
        ("zoo train --seed=", [""]),
        ("zoo train --recipe=alexnet --set=optimizer.mom", ["optimizer.momentum="]),
        ("zoo train --set=optimizer.mom", [""]),
        ("zoo train --recipe=alexnet --set=optimizer.ki", [""]),
        ("zoo train --data=fol", ["folder:"]),
        ("zoo train --data=folder:third", ["third_party/"]),
        ("zoo benchmark --model=vgg16", ["vgg16", "vgg16_bn"]),
        ("zoo models alexnet_", ["alexnet_owt"]),
        ("zoo summarize alexnet_", ["alexnet_owt"]),
        ("zoo compare --study=learning_", ["learning_rate"]),
        ("zoo doctor third", ["third_party/"]),
        ("zoo verify --recipe=alexnet_imagenett", ["alexnet_imagenette"]),
        ("zoo completion ", list(SHELLS)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_offered(line, expected):
    assert offered(line) == expected


def test_every_kind_of_data_is_offered():
    assert {name.rstrip(":") for name in DATA} == {*KINDS}


def test_a_recipe_of_the_users_own_is_not_run(tmp_path):
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    assert offered(f"zoo train --recipe={tmp_path}/mine.py --set=sch") == [""]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", ["alex", "$(touch {path})", "`touch {path}`", "'; touch {path}; '"])
def test_what_was_typed_is_not_run(value, tmp_path):
    offered(f"zoo train --recipe={value.format(path=tmp_path / 'run')}")
    assert not (tmp_path / "run").exists()


def test_completion_imports_neither_jax_nor_a_table_library():
    script = (
        "import os, sys; os.environ['COMP_LINE'] = line = 'zoo train --recipe=alexnet --set=';"
        "os.environ.update(COMP_POINT=str(len(line)), _ARGCOMPLETE='1');"
        "from zoo.completion import *; from zoo.completion import _fields;"
        "make_parser('train'); fields = list(_fields(argparse.Namespace(recipe=['alexnet'])));"
        "print('schedule.peak=' in fields, {'jax', 'flax', 'numpy', 'rich', 'matplotlib'} & {*sys.modules})"
    )
    assert run_python("-c", script).stdout.strip() == "True set()"


@pytest.fixture(scope="module")
def path_with_zoo(tmp_path_factory):
    """A PATH that begins with a folder with the command `zoo`, as pip installs it."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "zoo").write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom zoo.__main__ import main\nmain()\n"
    )
    (folder / "zoo").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def typed(command, setup, keys, expected, path, seconds=60):
    """Types keys into an interactive shell and returns what its terminal shows, until it shows the expected text."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.environ |= {"PATH": path, "TERM": "dumb", "PS1": "> ", "COLUMNS": "200"}
        os.execvp(command[0], command)
    shown, limit, sent = "", time.monotonic() + seconds, False
    os.write(terminal, f"{setup}; echo rea''dy\n".encode())
    while time.monotonic() < limit and expected not in shown:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
        if not sent and "\nready" in shown.replace("\r", ""):
            os.write(terminal, keys.encode())
            sent = True
    os.close(terminal)
    os.waitpid(process, 0)
    return shown


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("zoo summ\t", "zoo summarize"),
        ("zoo train --reci\t", "zoo train --recipe="),
        ("zoo train --recipe=alexnet_imagenett\t", "zoo train --recipe=alexnet_imagenette"),
        ("zoo train --recipe=alexnet --set=schedule.pea\t", "--set=schedule.peak="),
        ("zoo train --data=folder:third_p\t", "--data=folder:third_party/"),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_what_is_typed(shell, keys, expected, path_with_zoo):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command, setup = {
        "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(zoo completion bash)"'),
        "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(zoo completion zsh)"'),
    }[shell]
    shown = typed(command, setup, keys, expected, path_with_zoo)
    assert expected in shown, shown


def test_fish_completes_a_line(path_with_zoo):
    """`complete -C` prints what fish offers when the Tab key is pressed."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    for line, expected in (
        ("zoo summ", "summarize"),
        ("zoo train --reci", "--recipe="),
        ("zoo train --recipe=alexnet_imagenett", "--recipe=alexnet_imagenette"),
        ("zoo train --recipe=alexnet --set=schedule.pea", "--set=schedule.peak="),
        ("zoo train --data=folder:third_p", "--data=folder:third_party/"),
    ):
        command = f"zoo completion fish | source; complete -C '{line}'"
        done = subprocess.run(
            ["fish", "--no-config", "-c", command],
            cwd=ROOT,
            env={**os.environ, "PATH": path_with_zoo},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert [row.split("\t")[0] for row in done.stdout.splitlines()] == [expected], (done.stdout, done.stderr)


def test_errors_name_the_shells():
    for arguments, message in (([], "missing shell, one of bash, zsh, fish"), (["fsh"], "did you mean 'fish'?")):
        done = run_python("-m", "zoo", "completion", *arguments)
        assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
