"""Runs the pieces of jobs in subprocesses until the time is over, and records their results."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verification.accelerator.unit import Job, Settings
from zoo.errors import short
from zoo.json_files import read_json_lines

STARTUP_SECONDS = 15.0  # of a process before its first piece


def read_results(folders: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    """Returns the lines of earlier calls; damaged lines are skipped, so that their pieces run again."""
    lines = []
    for folder in folders:
        for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
            lines += read_json_lines(path, lambda content: {"job", "unit"} <= content.keys())[0]
    return tuple(lines)


def is_done(job: Job, unit: str, known: Sequence[Mapping[str, Any]]) -> bool:
    """Returns whether a piece has a result that is not an error."""
    return any(line["job"] == job.name and line["unit"] == unit and "error" not in line for line in known)


def run(
    jobs: Sequence[Job], settings: Settings, output: Path, until: float, report: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Runs the jobs one after another until the time is over.

    Args:
      jobs: the jobs, in order.
      settings: settings for the pieces; those with a result in `known` are skipped.
      output: folder of the results; lines are appended to NAME.jsonl for each job.
      until: the deadline, as of `time.time`.
      report: called with a line for each finished piece, and for pieces that are left.

    Returns:
      The new lines.
    """
    output.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    for job in jobs:
        units = [unit for unit in job.units if not is_done(job, unit, (*settings.known, *lines))]
        if not units:
            continue
        if time.time() + STARTUP_SECONDS + job.seconds > until:
            report(f"{job.name}: no time left for {len(units)} of {len(job.units)} pieces")
            continue
        before = len(lines)
        path = output / f"{job.name}.jsonl"
        truncated = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" if truncated else "")
            for line in _do(job, units, settings, until):
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
                lines.append(line)
                report(_describe(line))
        if left := len(units) - (len(lines) - before):
            report(f"{job.name}: {left} of {len(job.units)} pieces were not completed")
    return lines


def _do(job: Job, units: Sequence[str], settings: Settings, until: float) -> Iterator[dict[str, Any]]:
    """Yields the lines of a job as its processes print them; kills the processes at the deadline."""
    messages: queue.Queue[tuple[int, str | None]] = queue.Queue()
    chunks = [list(units[start :: job.processes]) for start in range(min(job.processes, len(units)))]
    children = [_start(job, chunk, settings, until) for chunk in chunks]
    for number, child in enumerate(children):
        threading.Thread(target=_read, args=(number, child, messages), daemon=True).start()
    running, left = set(range(len(children))), {number: list(chunk) for number, chunk in enumerate(chunks)}
    try:
        while running:
            try:
                number, text = messages.get(timeout=max(until - time.time(), 0.01))
            except queue.Empty:
                return
            if text is None:
                running.discard(number)
                status = children[number].wait()
                if left[number] and status:  # the piece crashed it, e.g. out of memory; restart for the rest
                    unit = left[number].pop(0)
                    yield {"job": job.name, "unit": unit, "error": f"the process exited with status {status}"}
                    if left[number] and time.time() + STARTUP_SECONDS + job.seconds < until:
                        children[number] = _start(job, left[number], settings, until)
                        threading.Thread(target=_read, args=(number, children[number], messages), daemon=True).start()
                        running.add(number)
                continue
            with contextlib.suppress(ValueError):  # ignore other output, such as of libraries
                line = json.loads(text)
                if isinstance(line, dict) and line.get("unit") in left[number]:
                    left[number].remove(line["unit"])
                    yield line
    finally:
        for child in children:
            child.kill()
            child.wait()


def _start(job, units, settings, until):
    command = [sys.executable, "-m", "verification.accelerator.process"]
    task = {
        "job": job.name,
        "module": job.module,
        "units": list(units),
        "seconds": job.seconds,
        "until": until,
        "settings": {"rehearse": settings.rehearse, "data": dict(settings.data)},
    }
    flags = " ".join(filter(None, (os.environ.get("XLA_FLAGS"), job.environment.get("XLA_FLAGS"))))
    environment = {**os.environ, **job.environment, **({"XLA_FLAGS": flags} if flags else {})}
    if job.processes > 1 or job.name == "fast":  # several processes share the device memory
        environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, encoding="utf-8"
    )
    assert child.stdin is not None
    with child.stdin:
        json.dump(task, child.stdin)
    return child


def _read(number, child, messages):
    for text in child.stdout:
        messages.put((number, text))
    messages.put((number, None))


def _describe(line):
    found = {name: value for name, value in line.items() if not isinstance(value, list | dict | str)}
    values = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in found.items()
    )
    return f"{line['job']}, {line['unit']}: {short(line['error']) if 'error' in line else values}"
