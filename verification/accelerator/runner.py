"""Does the pieces of jobs in processes of their own, in the time that there is, and writes down what each gives."""

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

START = 15.0  # seconds that a process takes before its first piece
LAST_WORDS = 2000  # characters of what a process that failed said last


def read_results(folders: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    """The lines of earlier calls; those that are damaged are left out, and their pieces done again."""
    lines = []
    for folder in folders:
        for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
            lines += read_json_lines(path, lambda content: {"job", "unit"} <= content.keys())[0]
    return tuple(lines)


def is_done(job: Job, unit: str, known: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a piece has a result; an error is none."""
    return any(line["job"] == job.name and line["unit"] == unit and "error" not in line for line in known)


def run(
    jobs: Sequence[Job], settings: Settings, output: Path, until: float, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Does the jobs one after the other, each as far as the time goes.

    Args:
      jobs: in order.
      settings: `known` says which pieces are done already.
      output: folder of the results, NAME.jsonl for each job; lines are added as they come.
      until: the time, of `time.time`, at which all has to be over.
      tell: called with a line for each piece that is over, and for what there is no time for.

    Returns:
      The new lines.
    """
    output.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    for job in jobs:
        units = [unit for unit in job.units if not is_done(job, unit, (*settings.known, *lines))]
        if not units:
            continue
        if time.time() + START + job.seconds > until:
            tell(f"{job.name}: no time left for {len(units)} of {len(job.units)} pieces")
            continue
        before = len(lines)
        path = output / f"{job.name}.jsonl"
        unfinished = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" if unfinished else "")
            for line in _do(job, units, settings, until):
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
                lines.append(line)
                tell(_describe(line))
        if left := len(units) - (len(lines) - before):
            tell(f"{job.name}: {left} of {len(job.units)} pieces are left for another time")
    return lines


def _do(job: Job, units: Sequence[str], settings: Settings, until: float) -> Iterator[dict[str, Any]]:
    """The lines of a job, as its processes print them; these are ended when the time is over."""
    arrived: queue.Queue[tuple[int, str | None]] = queue.Queue()
    shares = [list(units[start :: job.processes]) for start in range(min(job.processes, len(units)))]
    children = [_start(job, share, settings, until) for share in shares]
    for number, child in enumerate(children):
        threading.Thread(target=_read, args=(number, child, arrived), daemon=True).start()
    running, left = set(range(len(children))), {number: list(share) for number, share in enumerate(shares)}
    try:
        while running:
            try:
                number, text = arrived.get(timeout=max(until - time.time(), 0.01))
            except queue.Empty:
                return
            if text is None:
                running.discard(number)
                status = children[number].wait()
                if left[number] and status:  # it fell over a piece, such as for want of memory; the rest is another's
                    unit = left[number].pop(0)
                    yield {"job": job.name, "unit": unit, "error": f"its process ended with status {status}"}
                    if left[number] and time.time() + START + job.seconds < until:
                        children[number] = _start(job, left[number], settings, until)
                        threading.Thread(target=_read, args=(number, children[number], arrived), daemon=True).start()
                        running.add(number)
                continue
            with contextlib.suppress(ValueError):  # a library's greeting is no line of ours
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
    if job.processes > 1 or job.name == "fast":  # several share the memory of one device
        environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, encoding="utf-8"
    )
    assert child.stdin is not None
    with child.stdin:
        json.dump(task, child.stdin)
    return child


def _read(number, child, arrived):
    for text in child.stdout:
        arrived.put((number, text))
    arrived.put((number, None))


def _describe(line):
    found = {name: value for name, value in line.items() if not isinstance(value, list | dict | str)}
    said = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in found.items()
    )
    return f"{line['job']}, {line['unit']}: {short(line['error']) if 'error' in line else said}"
