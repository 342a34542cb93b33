"""Tests of `python -m zoo.doctor`: what it diagnoses, its output and exit status, and one-line error messages."""

import copy
import io
import json
import re

import pytest
from programs import run_python
from rich.console import Console
from tiny import RECIPE

import zoo.doctor
from zoo.doctor import __main__ as program
from zoo.doctor.diagnosis import EXIT_STATUS, Diagnosis, Finding
from zoo.doctor.diagnosis import Test as Done
from zoo.errors import ZooError
from zoo.training.run.files import RunFiles

MODULE = """
import numpy as np


class Mine:
    name, classes = "mine", 2
    init = step = predict = train_batches = eval_batches = lambda self, *arguments: None


NOT_CALLABLE = 3


def nothing():
    pass


def with_argument(data):
    return Mine()


def fails():
    return helper()


def helper():
    raise ValueError("no such\\nfile")
"""

# Replaces the diagnosis by one with a given verdict, and runs the program as `python -m zoo.doctor` does.
STUB = """
import runpy, sys, types
from zoo.doctor.diagnosis import Diagnosis, Finding
from zoo.doctor.diagnosis import Test as Done

def diagnose(subject, *, like, seconds, seed, on_test):
    tests = Done("inputs", "done", "", 0.1), Done("signal", "not run", "no time")
    for test in tests:
        on_test(test)
    options = {"like": like, "seconds": seconds, "seed": seed, "ratio": float("nan")}
    finding = Finding("batch_size", 0.9, True, f"a batch of 1 for {type(subject).__name__}", None, options)
    return Diagnosis("mine", verdict, (finding,), tests)

verdict, module = sys.argv.pop(1), types.ModuleType("zoo.doctor.diagnosing")
module.diagnose = diagnose
sys.modules[module.__name__] = module
runpy.run_module("zoo.doctor", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a module of the user's, and the folder of a run."""
    folder = tmp_path_factory.mktemp("doctor")
    (folder / "mymodule.py").write_text(MODULE)
    (folder / "run").mkdir()
    identity = {"recipe": RECIPE.to_json(), "fingerprint": RECIPE.fingerprint, "seed": 0, "data": {"classes": ["a"]}}
    RunFiles(folder / "run").write("recipe.json", identity)
    return folder


def mistakes():
    """Yields the arguments, in which FOLDER stands for the folder of the tests, and a part of the message."""
    yield [], "nothing to diagnose: give the folder of a run, --recipe=NAME or --program=MODULE:FUNCTION"
    yield ["runs/mine", "--recipe=lenet5"], "the folder of a run and --recipe are given: give one thing to diagnose"
    yield ["--recipe=lenet5", "--program=mymodule:Mine"], "--recipe and --program are given: give one thing"
    yield ["runs/a", "runs/b"], "unexpected argument 'runs/b': only one workdir can be given"
    yield ["runs/a", "--workdir=runs/b"], "unexpected argument 'runs/a': --workdir is given as well"
    yield [""], "--workdir= has no value"
    yield ["/no/such"], "/no/such is not the folder of a run"
    yield ["lenet5"], "'lenet5' is not the folder of a run: give a recipe as --recipe=lenet5"
    yield ["mine.py"], "'mine.py' is not the folder of a run: give a recipe as --recipe=mine.py"
    yield ["FOLDER/run", "--set=budget.steps=3"], "--set requires --recipe=NAME"
    yield ["FOLDER/run", "--data=folder:x"], "--data requires --recipe=NAME"
    yield ["FOLDER/run", "--save=FOLDER/mymodule.py"], "--save=FOLDER/mymodule.py/report.html: cannot be written"
    yield ["--recipe=lenet"], "unknown recipe 'lenet': did you mean 'lenet5'?"
    yield ["--recipe=lenet5", "--set=schedule.peek=1"], "did you mean 'schedule.peak'?"
    yield ["--recipe=lenet5", "--seconds=0"], "0 is not a positive integer"
    yield ["--program=nomodule:make"], "there is no program module 'nomodule': No module named 'nomodule'"
    yield ["--program=make"], "unknown program 'make': expected FILE.py:NAME or MODULE.NAME"
    yield ["--program=FOLDER/no.py:make"], "there is no program file"
    yield ["--program=mymodule:nothin"], "unknown name in mymodule 'nothin': did you mean 'nothing'?"
    yield (
        ["--program=mymodule:NOT_CALLABLE"],
        "expected a function that takes no arguments and returns a Program, not 3",
    )
    yield ["--program=mymodule:nothing"], "--program=mymodule:nothing: doctor: None is not a Program: it has no method"
    yield ["--program=FOLDER/mymodule.py:nothing"], "None is not a Program: it has no method init, step, predict"
    yield ["--program=mymodule:with_argument"], "with_argument() missing 1 required positional argument: 'data'"
    yield ["--program=mymodule:fails"], "--program=mymodule:fails, line 26: ValueError: no such"


@pytest.mark.parametrize(("arguments", "message"), list(mistakes()), ids=lambda value: str(value)[:40])
def test_usage_errors_are_one_line_with_exit_status_2(arguments, message, folder):
    arguments = [argument.replace("FOLDER", str(folder)) for argument in arguments]
    done = run_python("-m", "zoo.doctor", *arguments, PYTHONPATH=str(folder))
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == "" and message.replace("FOLDER", str(folder)) in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("python -m zoo.doctor: ")


def run_stub(verdict, *arguments):
    return run_python("-c", STUB, verdict, *arguments, "--nocompilation_cache", GLIBC_TUNABLES="")


def test_a_run_is_diagnosed_and_the_diagnosis_saved_in_its_folder(folder):
    done = run_stub("fault", "--seconds=9", str(folder / "run"), "--seed=3")
    assert done.returncode == 1 and done.stderr == "", done.stderr
    assert done.stdout.startswith("mine: a fault was found\n") and "━" not in done.stdout
    assert done.stdout.splitlines()[-1] == f"report: {folder / 'run' / 'doctor' / 'report.html'}"
    saved = json.loads((folder / "run" / "doctor" / "diagnosis.json").read_text())
    assert saved["findings"][0]["evidence"]["seconds"] == 9 and saved["findings"][0]["evidence"]["seed"] == 3


def test_a_recipe_is_diagnosed_and_printed_as_json(folder):
    arguments = "--recipe=lenet5", "--json", "--like=lenet5", f"--save={folder / 'new' / 'reports'}"
    done = run_stub("undecided", *arguments)
    assert done.returncode == 3 and "no cause could be shown" in done.stderr
    report = json.loads(done.stdout, parse_constant=pytest.fail)  # as strict JSON, without NaN
    assert report["verdict"] == "undecided" and report["tests"][1]["status"] == "not run"
    assert report["findings"][0]["evidence"] == {"like": "lenet5", "seconds": 120.0, "seed": 0, "ratio": "nan"}
    assert "for Recipe" in report["findings"][0]["summary"]
    assert sorted(path.name for path in (folder / "new" / "reports").iterdir()) == ["diagnosis.json", "report.html"]


@pytest.mark.parametrize("verdict", EXIT_STATUS)
def test_exit_status_of_each_verdict(verdict, monkeypatch, folder, capsys):
    tests = [Done("inputs", "done", "")]
    monkeypatch.setitem(vars(zoo.doctor), "diagnose", lambda subject, **_: Diagnosis("mine", verdict, (), (*tests,)))
    args = copy.deepcopy(program.FLAGS)
    args(["doctor", f"--program={folder / 'mymodule.py'}:Mine", "--nocompilation_cache"])
    assert program.main(args) == EXIT_STATUS[verdict]
    assert capsys.readouterr().out.startswith("mine: ")


def test_nothing_is_written_without_a_folder(monkeypatch, folder, capsys):
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    finding = Finding("leakage", 0.9, True, "12 copies")
    monkeypatch.setitem(vars(zoo.doctor), "diagnose", lambda *_, **__: Diagnosis("mine", "fault", (finding,), ()))
    args = copy.deepcopy(program.FLAGS)
    args(["doctor", "--recipe=lenet5", "--nocompilation_cache"])
    assert program.main(args) == 1
    out = capsys.readouterr().out
    assert "Leakage [leakage], confirmed" in out and "report" not in out
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_shows_the_current_test(is_terminal):
    console = Console(force_terminal=is_terminal, width=100, file=io.StringIO())
    with program.progress(console, 120) as on_test:
        on_test(Done("inputs [x]\x1b[31m", "done", ""))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())
    assert ("diagnosing, at most 120 s: 1 tests, inputs [x]\\x1b[31m" in text) == is_terminal
    assert is_terminal or text == ""


def test_a_program_that_is_no_file_name():
    with pytest.raises(ZooError, match="is not the folder of a run"):
        program.check_run("a\0b")


def test_help():
    done = run_python("-m", "zoo.doctor", "--help")
    assert done.returncode == 0 and "python -m zoo.doctor runs/mine" in done.stdout and "--seconds" in done.stdout
    assert "runs its code" in done.stdout and "Exit status: 0" in done.stdout
