"""Timing of training startup, from the command to the first reported step: imports, data loading, compilation."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from zoo.errors import ZooError
from zoo.layers.lowering import Choice
from zoo.models.registry import find_entry

POLL_SECONDS = 0.02
TIMEOUT_SECONDS = 600


def measure(
    model: str, batch_size: int, *, rounds: int, console: Console, convolution: Choice = "auto"
) -> dict[str, Any]:
    """Times training processes up to their first step, alternately with an empty and a filled compilation cache.

    Args:
      model: name of the network, trained with its canonical input on Fashion-MNIST.
      batch_size: images per step.
      rounds: number of rounds of one cold and one warm start.
      console: where the progress is shown.
      convolution: see `zoo.layers.lowering`.

    Raises:
      ZooError: a process exited before its first step, or took too long.
    """
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            for kind, seconds in times.items():
                with console.status(f"{model}: {kind} start, round {number} of {rounds}"):
                    seconds.append(_seconds_to_first_step(model, batch_size, convolution, Path(folder), kind))
    imports = [_seconds_of([sys.executable, "-c", "import zoo"]) for _ in range(rounds)]
    return {
        "start": model,
        "batch": batch_size,
        "rounds": rounds,
        **{f"{kind}_seconds": float(np.median(seconds)) for kind, seconds in times.items()},
        "import_seconds": float(np.median(imports)),
    }


def _seconds_of(command):
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def _seconds_to_first_step(model, batch_size, convolution, folder, kind):
    resize = f"Resize({find_entry(model).input_shape[0]})"
    changes = {
        "model": f"Model('{model}')",
        "initialization": "Initialization(kernel=HeNormal(), bias=Constant(0.0))",  # as in recipes for ImageNet
        "augmentation": f"Augmentation(train=({resize}, Normalize()), eval=({resize}, Normalize()))",
        "budget.batch_size": batch_size,
        "target": None,
    }
    run = folder / kind
    command = [sys.executable, "-m", "zoo.train", "--recipe=alexnet"]
    command += [f"--workdir={run}", f"--convolution={convolution}"]
    command += [f"--set={path}={value}" for path, value in changes.items()]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    started = time.perf_counter()
    with (folder / f"{kind}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        metrics = run / "metrics.jsonl"
        while not (metrics.exists() and metrics.stat().st_size):
            if process.poll() is not None or time.perf_counter() - started > TIMEOUT_SECONDS:
                last = (folder / f"{kind}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                raise ZooError(f"--start: {model} did not reach its first step: {''.join(last)}")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - started
    finally:
        process.kill()
        process.wait()


def show(results: list[dict[str, Any]], console: Console) -> None:
    """Prints the results as a table."""
    table = Table("network", "batch", "cold, s", "warm, s", "import zoo, s", box=box.SIMPLE)
    for result in results:
        seconds = [f"{result[key]:.1f}" for key in ("cold_seconds", "warm_seconds", "import_seconds")]
        table.add_row(result["start"], str(result["batch"]), *seconds)
    console.print(table)
