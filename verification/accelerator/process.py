"""Subprocess that runs pieces of a job, read as JSON from stdin, and prints a line of JSON for each."""

import importlib
import json
import os
import sys
import time
from typing import Any

from verification.accelerator.unit import Settings
from zoo.errors import reason


def main() -> None:
    """Runs the pieces in order, as long as there is time for another."""
    task = json.load(sys.stdin)
    # Redirect the output of libraries, which must not mix with the results.
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    measure = importlib.import_module(task["module"]).measure
    settings = Settings(**task["settings"])
    machine = _machine() | ({"rehearsal": True} if settings.rehearse else {})
    for unit in task["units"]:
        if time.time() + task["seconds"] > task["until"]:
            return
        started = time.perf_counter()
        line: dict[str, Any] = {"job": task["job"], "unit": unit}
        try:
            line |= measure(unit, settings)
        except Exception as error:  # reported; continue with the next piece
            line["error"] = f"{type(error).__name__}: {reason(error)}"
        line |= {"took": time.perf_counter() - started, "machine": machine}
        lines.write(json.dumps(line) + "\n")
        lines.flush()


def _machine():
    import jax

    versions = {name: sys.modules[name].__version__ for name in ("jax", "jaxlib", "flax") if name in sys.modules}
    device = jax.devices()[0]
    return {"device": device.device_kind, "platform": device.platform, "devices": jax.device_count(), **versions}


if __name__ == "__main__":
    main()
