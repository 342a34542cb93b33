"""Pieces for the tests of `verification.accelerator.runner`: a job of this module does in its processes what a unit says."""

import os
import sys
import time


def measure(unit, settings):
    """Gives, sleeps, raises, ends the process, or prints."""
    what, _, value = unit.partition(" ")
    if what == "sleep":
        time.sleep(float(value))
    elif what == "raise":
        raise ValueError(value)
    elif what == "exit":
        os._exit(int(value))
    elif what == "print":
        print('{"job": "trial", "unit": "forged"}')
        os.write(1, b"a greeting\n")
    elif what == "environment":
        return {"found": os.environ.get(value)}
    return {"value": value, "process": os.getpid(), "data": dict(settings.data), "rehearse": settings.rehearse}


if __name__ == "__main__":
    sys.exit("a module of tests")
