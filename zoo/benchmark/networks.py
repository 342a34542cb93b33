"""Timing of training and evaluation steps, alone or alternating with the same networks in other frameworks."""

import importlib.metadata
from pathlib import Path
from typing import Any

import jax
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from zoo.benchmark.chips import utilization
from zoo.benchmark.timing import compare
from zoo.benchmark.work import Work
from zoo.benchmark.zoo_side import profiled_side, zoo_side
from zoo.errors import ZooError
from zoo.extras import install_command
from zoo.inspect.summary import summarize
from zoo.models.registry import create_model


def other_sides(against: str) -> dict[str, tuple[Any, ...]]:
    """Returns, by name, functions that create the sides to compare with, each with its arguments after the work.

    Raises:
      ZooError: the other framework is not installed.
    """
    try:
        if against == "torch":
            from zoo.benchmark.torch_side import torch_side

            return {"torch eager": (torch_side, False), "torch compiled": (torch_side, True)}
        importlib.metadata.version("keras")
    except ImportError:  # includes PackageNotFoundError
        raise ZooError(f"--against={against} is not installed: {install_command('bench')}") from None
    from zoo.benchmark.keras_side import keras_side

    return {"keras": (keras_side,)}


def measure(
    work: Work, against: str | None, *, rounds: int, steps: int, console: Console, profile: Path | None = None
) -> dict[str, Any]:
    """Times one network in one mode.

    Args:
      work: what to time.
      against: "torch", "keras" or None.
      rounds, steps: number of rounds, and of steps of each side in a round.
      console: where the progress is shown.
      profile: folder for a trace of the zoo's step; None for no trace.

    Returns:
      The result as a JSON object.
    """
    makers: dict[str, tuple[Any, ...]] = {"zoo": (profiled_side, work, profile) if profile else (zoo_side, work)}
    if against:
        makers |= {name: (side, work, *more) for name, (side, *more) in other_sides(against).items()}
    title = f"{work.model}, {work.mode}"
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{title}: compiling", total=rounds)
        result = compare(
            makers,
            rounds=rounds,
            steps=steps,
            images=work.batch,
            on_round=lambda done: progress.update(task, completed=done, description=f"{title}: timing"),
        )
    passes = 3 if work.mode == "train" else 1  # forward, and backward with respect to the input and the parameters
    multiply_adds = passes * work.batch * summarize(create_model(work.model), work.input_shape).macs
    for side in result["sides"]:
        seconds = side["step_ms"] / 1e3
        side["mfu"] = utilization(jax.devices()[0].device_kind, work.dtype, multiply_adds, seconds)
    settings = {"model": work.model, "mode": work.mode, "batch": work.batch, "dtype": work.dtype}
    versions = {against: importlib.metadata.version(against)} if against else {}
    return {**settings, **result, "against": versions}


def show(results: list[dict[str, Any]], console: Console) -> None:
    """Prints all results as one table."""
    first = results[0]
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"batches of {first['batch']}, {first['dtype']}, median of {first['rounds']} rounds",
    )
    headings = (
        "network",
        "mode",
        "",
        "images/s",
        "ms/step",
        "fastest",
        "slowest",
        "compile s",
        "peak MB",
        "MFU",
        "ratio",
    )
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="left" if column < 3 else "right")
    for result in results:
        for row in result["sides"]:
            names = ("images_per_second", "step_ms", "fastest_ms", "slowest_ms", "compile_seconds")
            numbers = [f"{row[name]:,.1f}" for name in names]
            peak = f"{row['peak_mb']:,.0f}" if row["peak_mb"] else "-"
            mfu = f"{row['mfu']:.3f}" if row["mfu"] else "-"
            times = f"{result['ratio']:.2f}" if row["side"] == "zoo" and "ratio" in result else ""
            table.add_row(result["model"], result["mode"], row["side"], *numbers, peak, mfu, times)
    console.print(table)
    if "ratio" in first:
        console.print("ratio: speed of the zoo relative to the fastest of the others")
