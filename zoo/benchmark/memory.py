"""Peak memory of a process."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def peak_of_process(step: Callable[[], object]) -> int | None:
    """Returns this process's peak memory in bytes during a step, including frameworks, weights and activations.

    Memory freed before, such as the compiler's, is first returned to the system. The result is None where the system is
    not Linux, its C library is not glibc, or a process may not reset its peak.
    """
    if not (PROCESS / "clear_refs").exists():
        return None
    try:
        ctypes.CDLL(None).malloc_trim(0)
        (PROCESS / "clear_refs").write_bytes(b"5")  # resets the peak, see proc_pid_clear_refs(5)
    except (AttributeError, OSError):
        return None
    step()
    peak = re.search(r"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text(encoding="utf-8"))
    return 1024 * int(peak[1]) if peak else None
