"""A job for the tests of `verification.accelerator.runner`, whose pieces are actions such as "sleep 1"."""

import os
import sys
import time


def measure(unit, settings):
    """Returns a value, sleeps, raises, exits the process, prints, or returns an environment variable, as in `unit`."""
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
    sys.exit("imported by tests only")
