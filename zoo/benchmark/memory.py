"""Memory of a process at its height."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def peak_of_process(step: Callable[[], object]) -> int | None:
    """Bytes of memory that this process holds at the height of a step: frameworks, weights, activations, all of it.

    What was freed before, as by the compiler, is handed back to the system first. None where the system is not Linux, its
    C library is not glibc, or it does not let a process forget its peak.
    """
    if not (PROCESS / "clear_refs").exists():
        return None
    try:
        ctypes.CDLL(None).malloc_trim(0)
        (PROCESS / "clear_refs").write_bytes(b"5")  # forgets the peak so far, see proc_pid_clear_refs(5)
    except (AttributeError, OSError):
        return None
    step()
    peak = re.search(r"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text(encoding="utf-8"))
    return 1024 * int(peak[1]) if peak else None
