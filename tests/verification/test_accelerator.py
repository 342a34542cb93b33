"""Tests of the accelerator program: time limit, resumption by pieces, import of results, and a rehearsal on a CPU."""

import json
import time

import accelerator_pieces
import jax
import numpy as np
import pytest
from programs import ROOT, run_python

from verification import ledger, performance
from verification.accelerator import intake, numbers
from verification.accelerator.jobs import jobs
from verification.accelerator.runner import is_done, read_results, run
from verification.accelerator.unit import Job, Settings
from zoo.catalog import list_recipes
from zoo.errors import ZooError
from zoo.json_files import read_json_lines
from zoo.models.registry import list_models


def trial(*units, **options):
    options = {"seconds": 0.1, **options}
    return Job("trial", accelerator_pieces.__name__, units, **options)


@pytest.fixture
def do(tmp_path, monkeypatch):
    """Returns a function that runs jobs for some seconds and returns new lines, messages, and all lines in the file."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    monkeypatch.setattr("verification.accelerator.runner.STARTUP_SECONDS", 0.0)

    def call(*planned, seconds=60.0, settings=None):
        messages = []
        known = read_results([tmp_path])
        settings = settings or Settings(known=known)
        lines = run(planned, settings, tmp_path, time.time() + seconds, messages.append)
        path = tmp_path / "trial.jsonl"
        return lines, messages, read_json_lines(path, lambda content: True)[0] if path.exists() else []

    return call


def test_every_piece_runs_once_in_one_of_the_processes(do):
    units = tuple(f"give {number}" for number in range(7))
    lines, messages, written = do(
        trial(*units, processes=3), settings=Settings(data={"cifar10": "folder:x"}, rehearse=True)
    )
    assert sorted(line["value"] for line in lines) == [str(number) for number in range(7)]
    assert lines == written and len(messages) == 7
    assert len({line["process"] for line in lines}) == 3
    assert all(line["data"] == {"cifar10": "folder:x"} and line["machine"]["rehearsal"] for line in lines)
    assert all(line["machine"]["device"] == jax.devices()[0].device_kind and line["took"] >= 0 for line in lines)
    # A second call only runs new pieces.
    again, _, written = do(trial(*units, "give 8"))
    assert [line["unit"] for line in again] == ["give 8"] and len(written) == 8


def test_failed_piece_is_reported_and_retried(do):
    lines, messages, _ = do(trial("give 1", "raise no such thing", "give 2"))
    assert [line.get("error") for line in lines] == [None, "ValueError: no such thing", None]
    assert messages[1] == "trial, raise no such thing: ValueError: no such thing"
    again, _, _ = do(trial("give 1", "raise no such thing", "give 2"))
    assert [line["unit"] for line in again] == ["raise no such thing"]


def test_crashed_process_loses_only_its_piece(do):
    lines, _, _ = do(trial("give 1", "exit 3", "give 2"))
    assert [line["unit"] for line in lines] == ["give 1", "exit 3", "give 2"]
    assert lines[1]["error"] == "the process exited with status 3"


def test_pieces_beyond_the_time_limit_are_left(do):
    started = time.perf_counter()
    lines, messages, written = do(trial("give 1", "sleep 600", "give 2"), seconds=12.0)
    assert time.perf_counter() - started < 30
    assert [line["unit"] for line in lines] == ["give 1"] and lines == written
    assert messages[-1] == "trial: 2 of 3 pieces were not completed"
    # Pieces that do not fit into the remaining time are not started; shorter jobs are.
    lines, messages, _ = do(
        trial("sleep 0", seconds=1000.0), Job("more", accelerator_pieces.__name__, ("give 5",), 0.1)
    )
    assert messages[0] == "trial: no time left for 1 of 1 pieces" and [line["job"] for line in lines] == ["more"]


def test_other_output_is_not_a_result(do):
    lines, _, _ = do(trial("print", "give 1"))
    assert [line["unit"] for line in lines] == ["print", "give 1"]


def test_the_environment_of_a_job(do, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=1")
    flags = {"XLA_FLAGS": "--xla_cpu_enable_fast_math=false"}
    lines, _, _ = do(trial("environment XLA_FLAGS", environment=flags))
    assert lines[0]["found"] == "--xla_force_host_platform_device_count=1 --xla_cpu_enable_fast_math=false"


def test_pieces_with_damaged_lines_run_again(do, tmp_path):
    do(trial("give 1", "give 2"))
    path = tmp_path / "trial.jsonl"
    one, two = path.read_text().splitlines()
    path.write_text(f"{one}\n{two[:20]}")  # truncated, e.g. by a crash
    again, _, written = do(trial("give 1", "give 2"))
    assert [line["unit"] for line in again] == ["give 2"] and [line["unit"] for line in written] == ["give 1", "give 2"]


def test_the_plan_has_every_network_and_recipe():
    planned = jobs(Settings(data={"cifar10": "folder:cifar10"}))
    right = [unit for job in planned if job.name == "right" for unit in job.units]
    assert sorted(right) == sorted(list_models())
    runs = [unit.partition(",")[0] for job in planned if job.name in ("ledgers", "long") for unit in job.units]
    verified = {name for name in list_recipes() if ledger.ledger_path(name, "cpu").exists()}
    assert {"lenet5", "mlp", "bn_cnn", "resnet18_cifar10"} <= set(runs) <= verified | {"densenet_bc_100_12_cifar10"}
    assert next(job for job in planned if job.name == "converges").units == tuple(f"seed {n}" for n in range(20))
    # Without CIFAR-10, recipes that are trained on it are skipped.
    names = [unit for job in jobs(Settings()) for unit in job.units]
    assert not any("cifar10" in name or name.startswith("seed ") for name in names)
    slowest = [
        {"job": "fast", "unit": name, "ratio": ratio}
        for name, ratio in (("alexnet", 1.2), ("vgg11_bn", 0.7), ("resnet18", 0.9))
    ]
    assert jobs(Settings(known=tuple(slowest)))[-1].units == ("profile of vgg11_bn", "profile of resnet18")


def test_errors_are_not_results():
    job = trial("give 1")
    assert not is_done(job, "give 1", [{"job": "trial", "unit": "give 1", "error": "no"}])
    assert not is_done(job, "give 1", [{"job": "other", "unit": "give 1"}])
    assert is_done(job, "give 1", [{"job": "trial", "unit": "give 1"}])


@pytest.mark.parametrize("name", ["lenet5", pytest.param("resnet18", marks=pytest.mark.slow)])
def test_wrong_gradients_do_not_agree(name, monkeypatch):
    """Float32 on this device agrees; with the gradient of one kernel times 0.999, it does not."""
    assert numbers.measure(name, Settings(rehearse=True))["agrees"]
    flatten, calls = numbers._flat, []

    def wrong(tree):
        flat = flatten(tree)
        calls.append(1)
        if len(calls) == 3:  # after float64 and float32 on the CPU
            changed = sorted(path for path in flat if path.endswith("kernel"))[0]
            flat[changed] = flat[changed] * 0.999
        return flat

    monkeypatch.setattr(numbers, "_flat", wrong)
    found = numbers.measure(name, Settings(rehearse=True))
    assert not found["agrees"] and found["highest"]["worst"].endswith("kernel")
    assert found["default"]["ratio"] < 1 < found["highest"]["ratio"]


def test_nonfinite_values_do_not_agree():
    exact = {"logits": np.ones(3) * [1, 2, 3], "params/kernel": np.ones(4)}
    rounded = {name: values * (1 + 1e-7) for name, values in exact.items()}
    found = {"logits": exact["logits"], "params/kernel": np.array([1, 1, 1, np.nan])}
    assert numbers._compare(found, exact, numbers._allowed(rounded, exact))["ratio"] == np.inf


CARD = {"device": "NVIDIA H100 80GB HBM3", "platform": "gpu", "devices": 1, "jax": "0.11.2"}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Redirects imported results to a temporary folder, which is returned."""
    monkeypatch.setattr(intake, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(ledger, "FOLDER", tmp_path / "ledger")
    monkeypatch.setattr(performance, "FOLDER", tmp_path / "performance")
    for folder in ("ledger", "performance"):
        (tmp_path / folder).mkdir()
    return tmp_path


def written(folder, *lines):
    folder.mkdir()
    (folder / "some.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def of_network(name, agrees, logits):
    way = {"logits": logits, "gradients": 1e-6, "ratio": 0.5, "worst": "logits"}
    return {
        **{"job": "right", "unit": name, "agrees": agrees, "highest": way, "default": way, "bfloat16": way},
        **{"took": 1.0, "machine": CARD},
    }


def test_results_are_imported_once(places):
    reference = {"recipe": "mlp", "fingerprint": "f", "data": "d", "seed": 3, "measures": {"final top1": 0.9}}
    step = {"model": "alexnet", "mode": "train", "sides": [], "ratio": 1.2, "environment": {}}
    run = {"first": False, "training_seconds": 3.0, "seconds": 4.0}
    folder = written(
        places / "came",
        of_network("alexnet", True, 1e-6),
        of_network("mlp", False, 3e-3),
        {"job": "ledgers", "unit": "mlp, seed 3", "platform": "gpu", **reference, "took": 9.0, "machine": CARD},
        {"job": "fast", "unit": "alexnet", **step, "took": 50.0, "machine": CARD},
        {"job": "converges", "unit": "seed 0", "top1": 0.941, **run, "took": 4.0, "machine": CARD},
        {"job": "converges", "unit": "seed 1", "top1": 0.939, **run, "took": 4.0, "machine": CARD},
        {"job": "converges", "unit": "seed 2", "error": "ZooError: no", "took": 4.0, "machine": CARD},
        {"job": "deterministic", "unit": "resume", "agrees": False, "apart": 0.1, "took": 4.0, "machine": CARD},
        {"job": "long", "unit": "x, seed 0", "error": "the process exited with status -9"},
    )
    extended = {path.relative_to(places).as_posix() for path in intake.take_in(folder)}
    card = "nvidia-h100-80gb-hbm3"
    assert extended == {f"results/{card}.jsonl", "ledger/mlp.gpu.jsonl", f"performance/steps/{card}.jsonl"}
    assert [json.loads(line) for line in (places / "ledger/mlp.gpu.jsonl").read_text().splitlines()] == [reference]
    assert [json.loads(line) for line in (places / f"performance/steps/{card}.jsonl").read_text().splitlines()] == [
        step
    ]
    assert intake.take_in(folder) == []
    agreement = intake.table_of_agreement().splitlines()
    assert agreement[2] == (
        "| NVIDIA H100 80GB HBM3 | float32, highest precision | 2 | 1 | 3.0e-03 (`mlp`) | 1.0e-06 (`alexnet`) |"
    )
    assert intake.table_of_determinism().splitlines()[2:] == ["| NVIDIA H100 80GB HBM3 | resume | no |"]
    assert intake.table_of_learning().splitlines()[2:] == [
        "| NVIDIA H100 80GB HBM3 | 2 | 1 | 0.9400 (0.9390 to 0.9410) | 3.0 | 4.0 |"
    ]


def test_rehearsals_and_empty_folders_are_not_imported(places):
    with pytest.raises(ZooError, match="has no results"):
        intake.take_in(places / "nowhere")
    line = of_network("mlp", True, 1e-6)
    folder = written(places / "came", line | {"machine": CARD | {"rehearsal": True}})
    with pytest.raises(ZooError, match="is of a rehearsal"):
        intake.take_in(folder)
    assert not (places / "results").exists()


def command(*arguments):
    return run_python("-m", "verification.accelerator", *arguments, JAX_PLATFORMS="cpu", timeout=600)


def test_usage_errors_are_one_line():
    for arguments, words in (
        (["--data=cifar10"], "--data=cifar10: expected NAME=folder:PATH"),
        (["--jobs=wrong"], "unknown job 'wrong'"),
        (["--minutes=-1"], "minutes"),
    ):
        child = command(*arguments)
        assert child.returncode == 2 and words in child.stderr and len(child.stderr.splitlines()) == 1, child.stderr


@pytest.mark.slow
def test_rehearsal(tmp_path):
    first = command("--rehearse", f"--output={tmp_path / 'one'}", "--minutes=8", "--jobs=right,deterministic,fast")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "0 of them failed or disagree" in first.stdout
    rest = command("--rehearse", f"--output={tmp_path / 'two'}", f"--after={tmp_path / 'one'}", "--minutes=8")
    assert rest.returncode == 0, rest.stdout + rest.stderr
    lines = read_results([tmp_path / "one", tmp_path / "two"])
    planned = {(job.name, unit) for job in jobs(Settings(rehearse=True)) for unit in job.units}
    assert sorted((line["job"], line["unit"]) for line in lines) == sorted(planned)
    assert not (tmp_path / "two" / "right.jsonl").exists()
