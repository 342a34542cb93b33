"""Training processes that are stopped, killed, out of disk space, or given damaged files resume bit-identically."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from programs import ROOT, SMALL_FLAGS, TINY_FLAGS, child_environment, run_python

import zoo
from zoo.recipe import Recipe
from zoo.training.run.checkpoint import Checkpoints, checksums
from zoo.training.tracking import Tracker


@pytest.fixture(scope="module")
def command(image_folder, tmp_path_factory):
    """A function that returns the command line and environment of a small training run."""
    environment = child_environment(JAX_COMPILATION_CACHE_DIR=str(tmp_path_factory.mktemp("compiled")))

    def build(workdir, *more, flags=TINY_FLAGS):
        arguments = [*flags, f"--data=folder:{image_folder}", f"--workdir={workdir}", *more]
        return {"args": [sys.executable, "-m", "zoo.train", *arguments], "cwd": ROOT, "env": environment}

    return build


def finish(command, expected=(0, 1)):
    """Runs a command to its end, and returns the finished process."""
    done = subprocess.run(**command, capture_output=True, text=True, timeout=300)
    assert done.returncode in expected, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def steps_done(workdir):
    """Returns the number of training steps that the run has recorded."""
    metrics = workdir / "metrics.jsonl"
    return metrics.read_text().count('"train"') if metrics.exists() else 0


def wait_until(condition, process, seconds=300):
    """Waits for a condition while a process is running."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"timeout after {seconds} s"
        time.sleep(0.001)


def final_state(workdir):
    """Returns the checksums of the last checkpoint, which must be intact."""
    checkpoints = Checkpoints(workdir / "checkpoints", clean_up=False)
    state = checkpoints.restore(None, pytest.fail)
    checkpoints.close()
    return checksums(state)


def losses(workdir):
    records = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [(record["step"], record["loss"]) for record in records]


@pytest.fixture(scope="module")
def uninterrupted(command, tmp_path_factory):
    """The folder of an uninterrupted run."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    finish(command(workdir))
    return workdir


def assert_same_run(workdir, uninterrupted):
    """Checks that the final states are bit-identical, and that all training records are equal."""
    assert final_state(workdir) == final_state(uninterrupted)
    assert losses(workdir) == losses(uninterrupted)


@pytest.mark.slow
def test_a_stopped_run_saves_and_resumes_bit_identically(command, uninterrupted, tmp_path):
    """The run is stopped by SIGTERM, resumed, and stopped by SIGINT."""
    workdir, saved = tmp_path / "run", 0
    for signum, after in ((signal.SIGTERM, 7), (signal.SIGINT, 19)):
        process = subprocess.Popen(**command(workdir), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda after=after: steps_done(workdir) >= after, process)
        process.send_signal(signum)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 128 + signum
        assert f"stopped by {signum.name} after" in errors and "run the same command again to resume" in errors
        assert "Traceback" not in errors
        assert (f"resuming at step {saved}" in output) == (saved > 0)
        saved = max(int(path.name) for path in (workdir / "checkpoints").iterdir())
        assert after <= saved < 40 and f"after {saved} steps" in errors
    again = finish(command(workdir))
    assert f"resuming at step {saved}" in again.stdout
    assert_same_run(workdir, uninterrupted)


def test_a_killed_run_resumes_bit_identically(command, uninterrupted, tmp_path):
    """The run is killed three times: before its first checkpoint, which is at step 4, and after later ones."""
    workdir = tmp_path / "run"
    for after in (1, 9, 22):
        process = subprocess.Popen(**command(workdir), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda after=after: steps_done(workdir) >= after, process)
        process.kill()
        process.wait()
    finish(command(workdir))
    assert_same_run(workdir, uninterrupted)


@pytest.mark.slow
def test_a_run_killed_while_saving_resumes_bit_identically(command, tmp_path):
    """A run of AlexNet, which has dropout, is killed while a checkpoint is incomplete."""
    whole, workdir = tmp_path / "whole", tmp_path / "run"
    short = ("--set=budget.steps=16", "--set=budget.evaluate_every=0.25")
    wide = "--set=model.options.hidden=2048"  # saving 130 MB takes long enough for a kill
    arguments = command(workdir, *short, wide, flags=SMALL_FLAGS)
    finish(command(whole, *short, wide, flags=SMALL_FLAGS))
    process = subprocess.Popen(**arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoints = workdir / "checkpoints"

    def saving():
        unfinished = checkpoints.exists() and [name for name in os.listdir(checkpoints) if not name.isdecimal()]
        return unfinished and steps_done(workdir) > 4

    wait_until(saving, process)
    process.kill()
    process.wait()
    assert [name for name in os.listdir(checkpoints) if not name.isdecimal()], "killed too late"
    finish(arguments)
    assert_same_run(workdir, whole)
    assert all(name.isdecimal() for name in os.listdir(checkpoints)), "unfinished checkpoints were not removed"


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path):
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x10]))


def largest(checkpoint):
    return max((path for path in checkpoint.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


DAMAGE = {
    "one bit": lambda checkpoint: flip(largest(checkpoint)),
    "cut short": lambda checkpoint: truncate(largest(checkpoint)),
    "file gone": lambda checkpoint: largest(checkpoint).unlink(),
    "no metadata": lambda checkpoint: (checkpoint / "_CHECKPOINT_METADATA").write_text("{"),
    "manifest": lambda checkpoint: truncate(min(checkpoint.rglob("manifest.ocdbt"), key=lambda path: len(path.parts))),
    "empty": lambda checkpoint: [shutil.rmtree(checkpoint), checkpoint.mkdir()],
}


class Listener(Tracker):
    """Records the first step and the notes of a run."""

    def __init__(self):
        self.notes = []

    def begin(self, experiment, first_step):
        self.first_step = first_step

    def note(self, text):
        self.notes.append(text)


def resume(workdir):
    """Resumes a run in this process, and returns its `Listener`."""
    identity = json.loads((workdir / "recipe.json").read_text())
    listener = Listener()
    zoo.fit(Recipe.from_json(identity["recipe"]), workdir, trackers=[listener])
    return listener


# Orbax abandons pending reads of the damaged checkpoint.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_skipped(uninterrupted, tmp_path, damage):
    workdir = tmp_path / "run"
    shutil.copytree(uninterrupted, workdir)
    damage(workdir / "checkpoints" / "40")
    assert resume(workdir).first_step == 36
    assert_same_run(workdir, uninterrupted)


@pytest.mark.slow
def test_all_checkpoints_damaged(command, uninterrupted, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(uninterrupted, workdir)
    for checkpoint in (workdir / "checkpoints").iterdir():
        flip(largest(checkpoint))
    again = finish(command(workdir))
    assert again.stdout.count("is damaged, falling back to the previous one") >= 2
    assert_same_run(workdir, uninterrupted)


@pytest.fixture
def small_disk(tmp_path):
    """A separate file system of 30 MB; needs permission to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", folder], capture_output=True).returncode
    ):
        pytest.skip("no permission to mount a file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.slow
def test_a_full_disk_is_a_one_line_error_and_loses_nothing(command, uninterrupted, small_disk):
    workdir = small_disk / "run"
    filler = small_disk / "filler"
    process = subprocess.Popen(**command(workdir), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (workdir / "checkpoints" / "4").exists(), process)
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(2**16))
                file.flush()
        except OSError:
            pass
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "Traceback" not in errors, errors
    assert "the disk is full: make room and run the same command again; what was saved is intact" in errors
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=300m", small_disk], check=True)
    again = finish(command(workdir))
    assert "resuming at step" in again.stdout
    assert_same_run(workdir, uninterrupted)


@pytest.mark.slow
def test_two_processes_stop_together_and_resume(command, image_folder, tmp_path):
    """SIGTERM is sent to one of two hosts; both save at the same step."""
    import socket

    def start(workdir):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        distributed = ["--distributed", f"--coordinator=localhost:{port}", "--num_processes=2"]
        processes = []
        for number in range(2):
            one = command(workdir, *distributed, f"--process_id={number}", "--set=budget.steps=60")
            one["env"] = {**one["env"], "JAX_PLATFORMS": "cpu"}
            processes.append(subprocess.Popen(**one, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes

    workdir = tmp_path / "run"
    first, second = start(workdir)
    wait_until(lambda: steps_done(workdir) >= 12, first)
    second.send_signal(signal.SIGTERM)
    outcomes = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [143, 143], outcomes
    saved = max(int(path.name) for path in (workdir / "checkpoints").iterdir())
    assert saved % 10 == 0 and all(f"after {saved} steps" in errors for _, errors in outcomes)
    again = start(workdir)
    outcomes = [process.communicate(timeout=180) for process in again]
    assert all(process.returncode in (0, 1) for process in again), outcomes
    assert f"resuming at step {saved}" in outcomes[0][0] and len(losses(workdir)) == 60 + 10


def test_an_unwritable_folder():
    done = run_python("-m", "zoo.train", *TINY_FLAGS, "--workdir=/proc/nowhere/run")
    assert done.returncode == 2 and "/proc/nowhere/run cannot be used" in done.stderr and "Traceback" not in done.stderr
