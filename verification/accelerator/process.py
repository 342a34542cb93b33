"""A process that does pieces of one job: it reads which ones from standard input, and prints a line of JSON for each."""

import importlib
import json
import os
import sys
import time
from typing import Any

from verification.accelerator.unit import Settings
from zoo.errors import reason


def main() -> None:
    """Does the pieces in order, as long as there is time for one more."""
    task = json.load(sys.stdin)
    # What libraries print must not get between the lines.
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
        except Exception as error:  # told, and the next piece is done all the same
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
