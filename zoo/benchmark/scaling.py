"""Scaling of the step time with the batch, the image side, the width, and the number of devices and processes."""

import contextlib
import dataclasses
import socket
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from zoo.benchmark.timing import SideProcess
from zoo.benchmark.work import Work
from zoo.benchmark.zoo_side import zoo_side
from zoo.errors import ZooError
from zoo.models.registry import create_model

MAX_STEP_SECONDS = 10.0  # points that would take longer per step are skipped

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIDES = (0.5, 0.75, 1, 1.25, 1.5, 2)  # times the canonical image
WIDTHS = (0.25, 0.5, 1, 1.5, 2)
DEVICES = (1, 2, 4, 8)


def series(work: Work) -> Iterator[tuple[str, list[tuple[float, tuple[Work, ...]]]]]:
    """Yields the name of each varied quantity, with its values and the work of each process at each value."""
    yield "batch", [(batch, (dataclasses.replace(work, batch=batch),)) for batch in BATCHES]
    model = create_model(work.model)
    pixels = [round(times * work.input_shape[0]) for times in SIDES]
    yield (
        "image side",
        [(side, (dataclasses.replace(work, image_side=side),)) for side in pixels if side >= model.smallest],
    )
    if hasattr(model, "width"):
        yield "width", [(width, (dataclasses.replace(work, options={"width": width}),)) for width in WIDTHS]
    yield "devices", [(count, (dataclasses.replace(work, devices=count),)) for count in DEVICES]
    with contextlib.closing(socket.socket()) as free:
        free.bind(("localhost", 0))
        coordinator = f"localhost:{free.getsockname()[1]}"
    two = (dataclasses.replace(work, coordinator=coordinator, process=process, processes=2) for process in range(2))
    yield "processes", [(1, (work,)), (2, tuple(two))]


def measure(work: Work, *, rounds: int, steps: int, console: Console) -> Iterator[dict[str, Any]]:
    """Times a step of a network over each of the series, and yields a JSON object for each point.

    `loss` is the loss after the same number of steps from the same initial state: it must be the same for all numbers
    of devices and processes, unless the network has batch normalization, whose statistics are per device.
    """
    for axis, points in series(work):
        for value, works in points:
            if any(each.batch % (each.devices * each.processes) for each in works):
                continue
            with console.status(f"{work.model}, {work.mode}: {axis} {value:g}"):
                try:
                    seconds, peak, loss = _time(works, rounds, steps)
                except ZooError as error:
                    console.print(f"{work.model}, {axis} {value:g}: {error}")
                    break
            median = statistics.median(seconds)
            yield {
                "model": work.model,
                "mode": work.mode,
                "dtype": work.dtype,
                "axis": axis,
                "value": value,
                "batch": works[0].batch,
                "step_ms": 1e3 * median,
                "fastest_ms": 1e3 * min(seconds),
                "slowest_ms": 1e3 * max(seconds),
                "images_per_second": works[0].batch / median,
                "peak_mb": peak and peak / 1e6,
                "loss": loss,
            }
            growth = points[min(points.index((value, works)) + 1, len(points) - 1)][0] / value
            if median * growth > MAX_STEP_SECONDS:
                break


def _time(works, rounds, steps):
    """Returns the seconds per step in each round, the peak memory of the processes, and the loss of the last step."""
    with ThreadPoolExecutor(len(works)) as pool, contextlib.ExitStack() as stack:  # processes wait for each other
        processes = list(pool.map(lambda work: SideProcess(zoo_side, work), works))
        stack.callback(lambda: list(pool.map(SideProcess.close, processes)))
        seconds = [max(pool.map(lambda process: process.time(steps), processes)) for _ in range(rounds)]
        peaks = [process.peak_bytes for process in processes]
        return seconds, None if None in peaks else sum(peaks), processes[0].loss


def show(results: list[dict[str, Any]], console: Console) -> None:
    """Prints the results as one table."""
    table = Table(box=box.SIMPLE_HEAD)
    headings = (
        "network",
        "mode",
        "varied",
        "value",
        "batch",
        "ms/step",
        "fastest",
        "slowest",
        "images/s",
        "peak MB",
        "loss",
    )
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="left" if column < 3 else "right")
    for row in results:
        times = [f"{row[name]:,.1f}" for name in ("step_ms", "fastest_ms", "slowest_ms", "images_per_second")]
        peak = f"{row['peak_mb']:,.0f}" if row["peak_mb"] else "-"
        first = (row["model"], row["mode"], row["axis"], f"{row['value']:g}", str(row["batch"]))
        table.add_row(*first, *times, peak, f"{row['loss']:.6f}")
    console.print(table)


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """Plots images per second and milliseconds per step over each of the series, a line for each network and mode."""
    from matplotlib.figure import Figure

    axes_of = list(dict.fromkeys(row["axis"] for row in results))
    figure = Figure(figsize=(3.4 * len(axes_of), 5.2), layout="constrained", dpi=120)
    grid = figure.subplots(2, len(axes_of), squeeze=False, sharex="col")
    for column, axis in enumerate(axes_of):
        rows_of = [row for row in results if row["axis"] == axis]
        for model, mode in dict.fromkeys((row["model"], row["mode"]) for row in rows_of):
            rows = [row for row in rows_of if (row["model"], row["mode"]) == (model, mode)]
            values = [row["value"] for row in rows]
            for axes, name in zip(grid[:, column], ("images_per_second", "step_ms"), strict=True):
                axes.plot(values, [row[name] for row in rows], "o-", markersize=4, label=f"{model}, {mode}")
        for axes, label in zip(grid[:, column], ("images per second", "milliseconds per step"), strict=True):
            axes.set_xscale("log", base=2)
            axes.set_xticks(
                sorted({row["value"] for row in rows_of}), [f"{v:g}" for v in sorted({row["value"] for row in rows_of})]
            )
            axes.minorticks_off()
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
            if column == 0:
                axes.set_ylabel(label)
        grid[1, column].set_xlabel(axis)
    grid[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path)
