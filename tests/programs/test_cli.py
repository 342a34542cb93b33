"""Tests of the command-line programs: output, exit status, and one-line error messages."""

import io
import json
import time

import pytest
from programs import TINY_FLAGS, run_python
from rich.console import Console

from zoo.console import Column, print_table


def mistakes():
    """Yields the program, its arguments, and a part of the expected error message."""
    train = "zoo.train"
    yield train, [], "missing --recipe=NAME, where NAME is one of alexnet"
    yield train, ["--recipe=alexnt"], "unknown recipe 'alexnt': did you mean 'alexnet'?"
    yield train, ["--recipe=alexnet", "--sed=1"], "Unknown command line flag 'sed'"
    yield train, ["--recipe=alexnet", "--seed=-1"], "-1 is not an integer in the range"
    yield train, ["--recipe=alexnet", "alexnet"], "unexpected argument 'alexnet'"
    yield train, ["--recipe=alexnet", "--set=schedule.peek=1"], "did you mean 'schedule.peak'?"
    yield train, ["--recipe=alexnet", "--set=schedule.peak=x"], "schedule.peak must be a number, not 'x'"
    yield train, ["--recipe=alexnet", "--set=model.name=alexnt"], "unknown model 'alexnt': did you mean 'alexnet'?"
    yield train, ["--recipe=alexnet", "--set=model.num_classes=7"], "model.num_classes is 7, but fashion_mnist has 10"
    yield train, ["--recipe=alexnet", "--set=augmentation.train.0.size=66"], "at least 67x67 pixels, got 66x66"
    yield train, ["--recipe=alexnet", "--data="], "--data= has no value: give one, or omit the flag"
    yield train, ["--recipe=alexnet", "--data=folder:/no/such"], "folder:/no/such: folder not found"
    yield train, ["--recipe=alexnet", "--data=fashion"], "unknown data set 'fashion'"
    yield train, ["--recipe=alexnet_imagenet"], "tfds:imagenet2012 is not prepared: python -m pip install"
    yield train, ["--recipe=alexnet", "--distributed"], "--coordinator, --num_processes and --process_id"
    yield "zoo.summarize", ["--num_classes=10"], "--num_classes requires --model=NAME"
    yield "zoo.summarize", ["--filter=alexnt"], "no network matches"
    yield "zoo.summarize", ["--model=alexnt"], "did you mean 'alexnet'?"
    yield "zoo.summarize", ["--model=alexnet", "--input=66,66,3"], "at least 67x67 pixels"
    yield "zoo.summarize", ["--model=alexnet", "--input=big"], "expected HEIGHT,WIDTH,CHANNELS"
    yield "zoo.benchmark", ["--model=alexnt"], "did you mean 'alexnet'?"
    yield "zoo.evaluate", [], "missing --workdir=FOLDER"
    yield "zoo.evaluate", ["--workdir=/no/such"], "/no/such is not the folder of a run"
    yield "verification", ["--recipe=alexnt"], "did you mean 'alexnet'?"
    yield "verification", ["--only=architektur"], "did you mean 'architecture'?"
    yield "verification", ["--fault=no_lnr"], "did you mean 'no_lrn'?"
    yield "verification", ["--record"], "--record requires --recipe=NAME"


@pytest.mark.parametrize(("program", "arguments", "message"), list(mistakes()), ids=lambda value: str(value)[:40])
def test_usage_errors_are_one_line_with_exit_status_2(program, arguments, message, tmp_path):
    workdir = [f"--workdir={tmp_path / 'run'}"] if program == "zoo.train" else []
    done = run_python("-m", program, *arguments, *workdir, TFDS_DATA_DIR=str(tmp_path))
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == "" and message in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(f"python -m {program}: ")


@pytest.mark.parametrize("program", ["zoo.train", "zoo.evaluate", "zoo.summarize", "zoo.benchmark", "verification"])
def test_help_is_quick_and_describes_the_program(program):
    started = time.perf_counter()
    done = run_python("-m", program, "--help")
    assert done.returncode == 0 and f"python -m {program}" in done.stdout and "Flags:" in done.stdout
    assert time.perf_counter() - started < 15  # one second on an idle machine


def test_summarize():
    table = run_python("-m", "zoo.summarize", "--model=alexnet")
    assert table.returncode == 0 and "60,965,224" in table.stdout and "724,406,816" in table.stdout
    assert "norm1   LocalResponseNorm    55x55x96" in table.stdout
    data = json.loads(run_python("-m", "zoo.summarize", "--model=alexnet", "--json").stdout)
    assert data["params"] == 60_965_224 and data["rows"][0]["output_shape"] == [55, 55, 96]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, image_folder):
    """A run folder, and the finished process of its training with --json."""
    workdir = tmp_path_factory.mktemp("cli") / "run"
    arguments = [*TINY_FLAGS, f"--data=folder:{image_folder}", f"--workdir={workdir}", "--json"]
    return workdir, run_python("-m", "zoo.train", *arguments)


def test_train_describes_the_run_and_prints_the_verdict_as_json(trained, image_folder):
    workdir, done = trained
    verdict = json.loads(done.stdout)
    assert done.returncode == (0 if verdict["converged"] else 1), done.stderr
    assert verdict["recipe"] == "tiny" and verdict["workdir"] == str(workdir) and verdict["steps"] == 40
    for expected in (
        "LeNet5: ",
        "parameters",
        f"folder:{image_folder}: 48 training and 12 evaluation images, 3 classes",
        "40 steps of 16 images",
        "beat the majority-class baseline within 40 steps",
        "x cpu",
        str(workdir),
        "step 40: evaluation loss",
        verdict["explanation"],
    ):
        assert expected in done.stderr, expected
    assert "━" not in done.stderr  # no progress bars in a log file


def test_evaluate_reproduces_the_metrics_of_the_run(trained):
    workdir, done = trained
    evaluated = run_python("-m", "zoo.evaluate", f"--workdir={workdir}", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    metrics = json.loads(evaluated.stdout)
    assert metrics["top1"] == json.loads(done.stdout)["value"] and metrics["examples"] == 12 and metrics["step"] == 40


def test_evaluate_rejects_data_with_other_classes(trained):
    done = run_python("-m", "zoo.evaluate", f"--workdir={trained[0]}", "--data=fashion_mnist")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "the network was trained for the classes blue, green, red; fashion_mnist has T-shirt/top" in done.stderr


@pytest.mark.slow
def test_a_run_that_does_not_converge_exits_with_1(tmp_path, image_folder):
    arguments = [
        *TINY_FLAGS,
        f"--data=folder:{image_folder}",
        f"--workdir={tmp_path / 'run'}",
        "--set=schedule.peak=1e-9",
    ]
    done = run_python("-m", "zoo.train", *arguments)
    assert done.returncode == 1 and "did not converge: accuracy" in done.stdout, done.stderr


@pytest.mark.parametrize("width", [50, 62, 80, 120, 200])
def test_narrow_tables_have_fewer_columns_and_whole_names(width):
    """Where the terminal is narrow, the least needed columns are left out, and named; nothing is cut off."""
    console = Console(width=width, record=True, file=io.StringIO())
    names = [f"a_network_with_a_name_of_{number}" for number in range(3)]
    columns = (
        Column("network", names),
        Column("MACs", ["1,000,000,000"] * 3, numeric=True, needed=2, footer="3,000,000,000"),
        Column("paper", ["Somebody et al. 2016, arXiv:1512.03385"] * 3, wraps=True, needed=1),
        Column("[input]", ["224 x 224 x 3 pixels"] * 3, needed=3),
    )
    print_table(console, columns, "a title", more="--json has all")
    text = console.export_text()
    assert all(name in text for name in names) and "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    left_out = " ".join(text.partition("left out in this width: ")[2].split())
    expected = {50: "MACs, paper, [input]", 62: "MACs, paper", 80: "paper", 120: "", 200: ""}[width]
    assert left_out == (f"{expected}; --json has all" if expected else "")
    assert ("3,000,000,000" in text) == ("MACs" not in expected) and ("[input]" in text)
    assert ("224 x 224 x 3 pixels" in text) == ("[input]" not in expected)  # on one line


def test_tables_in_pipes_have_no_spaces_at_the_ends_of_lines():
    lines = run_python("-m", "zoo.recipes", "lenet*").stdout.splitlines()
    assert len(lines) > 3 and lines == [line.rstrip() for line in lines]
    assert any(line.startswith("  lenet5   ") for line in lines)
