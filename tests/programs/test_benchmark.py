"""Tests of `python -m zoo.benchmark`."""

import json
import sys
import time

import numpy as np
import pytest
from PIL import Image
from programs import run_python
from rich.console import Console

from zoo.benchmark import scaling, start
from zoo.benchmark.chips import utilization
from zoo.benchmark.memory import peak_of_process
from zoo.benchmark.timing import Side, compare
from zoo.benchmark.work import Work
from zoo.errors import ZooError


def run(*flags):
    done = run_python("-m", "zoo.benchmark", "--rounds=1", "--steps=1", *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_single_network(tmp_path):
    result = json.loads(run("--model=alexnet", "--batch=1", "--json", f"--profile={tmp_path}"))
    (side,) = result["sides"]
    assert side["images_per_second"] == pytest.approx(1000 / side["step_ms"])
    assert side["compile_seconds"] > 0 and side["peak_mb"] > 4 * 2 * 60.9  # at least parameters and momentum
    assert list((tmp_path / "alexnet-train").rglob("perfetto_trace.json.gz"))


@pytest.mark.slow
def test_tables():
    table = run("--model=lenet5,squeezenet1_1", "--batch=1", "--mode=eval")
    assert "images/s" in table and "peak MB" in table and "lenet5" in table and "squeezenet1_1" in table


def sleeper(seconds):
    return Side(lambda: time.sleep(seconds) or seconds, 0.0)


def failing_side():
    raise ZooError("this side cannot be made")


@pytest.mark.slow
def test_the_ratio_is_relative_to_the_fastest_of_the_others():
    rounds = []
    result = compare(
        {"ours": (sleeper, 0.02), "slow": (sleeper, 0.2), "fast": (sleeper, 0.08)},
        rounds=2,
        steps=2,
        images=4,
        on_round=rounds.append,
    )
    assert rounds == [0, 1, 2]
    assert [side["side"] for side in result["sides"]] == ["ours", "slow", "fast"]
    assert 2.5 < result["ratio"] < 7  # 4 times as fast as the faster one, 10 times as fast as the other
    assert 100 < result["sides"][0]["images_per_second"] <= 200
    with pytest.raises(ZooError, match="this side cannot be made"):
        compare(
            {"ours": (sleeper, 0.01), "other": (failing_side,)}, rounds=1, steps=1, images=1, on_round=rounds.append
        )


def test_peak_memory_is_that_of_the_step():
    def megabytes(count):
        return np.ones(count * 2**20, np.uint8)

    megabytes(300)  # freed before the step: does not count
    nothing = peak_of_process(lambda: None)
    some = peak_of_process(lambda: megabytes(200))
    if nothing is not None:  # on Linux
        assert 190 * 2**20 < some - nothing < 230 * 2**20


def test_utilization_of_chips():
    assert utilization("NVIDIA A100-SXM4-80GB", "bfloat16", 156e12, 1.0) == pytest.approx(1)
    assert utilization("TPU v5 lite", "bfloat16", 197e12, 2.0) == pytest.approx(1)
    assert utilization("TPU v5", "bfloat16", 459e12, 1.0) == pytest.approx(2)
    assert utilization("cpu", "bfloat16", 1e12, 1.0) is None and utilization("NVIDIA A100", "float32", 1, 1.0) is None


@pytest.mark.full
def test_scaling(monkeypatch, tmp_path):
    monkeypatch.setattr(scaling, "BATCHES", (2, 4))
    monkeypatch.setattr(scaling, "SIDES", (1, 1.5))
    monkeypatch.setattr(scaling, "DEVICES", (1, 2, 3))
    work = Work("lenet5", batch=4)
    rows = list(scaling.measure(work, rounds=1, steps=1, console=Console(quiet=True)))
    points = [(row["axis"], row["value"]) for row in rows]
    assert points == [
        *(("batch", count) for count in (2, 4)),
        *(("image side", pixels) for pixels in (32, 48)),
        *(("devices", count) for count in (1, 2)),  # a batch of four cannot be split over three devices
        *(("processes", count) for count in (1, 2)),
    ]
    losses = {row["loss"] for row in rows if row["axis"] in ("devices", "processes")}
    assert max(losses) - min(losses) < 1e-5 * min(losses)
    scaling.draw(rows, tmp_path / "scaling.png")
    assert Image.open(tmp_path / "scaling.png").width > 500


@pytest.mark.slow
def test_pipeline(image_folder):
    result = json.loads(run(f"--pipeline=folder:{image_folder}", "--json"))
    assert result["sides"][0]["images_per_second"] > 10
    for flags, message in (
        (["--pipeline=fashion_mnist"], "these images are in memory; expected folder:PATH"),
        (["--pipeline=folder:x", "--scaling"], "runs no network"),
        (["--against=tf"], "requires --pipeline=folder:PATH"),
        (["--scaling", "--against=torch"], "times only the zoo"),
        (["--start", "--scaling"], "times whole commands"),
        (["--model=lenet5", "--against=keras"], "keras"),
    ):
        done = run_python("-m", "zoo.benchmark", *flags)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_start():
    result = json.loads(run("--start", "--model=lenet5", "--batch=2", "--json"))
    assert result["import_seconds"] < result["warm_seconds"] and result["import_seconds"] < result["cold_seconds"]


def test_failed_start_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(ZooError, match="--start: lenet5 did not reach its first step"):
        start.measure("lenet5", 2, rounds=1, console=Console(quiet=True))
