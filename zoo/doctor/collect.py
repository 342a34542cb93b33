"""Making of all measurements that a program allows, within the time."""

import time
from collections.abc import Callable, Mapping

from zoo.doctor.diagnosis import Test
from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import measurements
from zoo.doctor.program import can
from zoo.doctor.session import Session
from zoo.errors import reason

SHARE = 0.6  # of the seconds of a diagnosis, after which no further measurement begins


def collect(session: Session, on_test: Callable[[Test], None]) -> Mapping[str, Values]:
    """Returns the values of all measurements that could be made, by name; calls `on_test` with each."""
    evidence: dict[str, Values] = {}
    for measurement in measurements():
        on_test(_measure(session, measurement, evidence))
    return evidence


def _measure(session: Session, measurement: Measurement, evidence: dict[str, Values]) -> Test:
    missing = [need for need in measurement.needs if not can(session.program, need)]
    if missing:
        return Test(measurement.name, "not run", f"the program has no {', '.join(missing)}")
    if session.elapsed > SHARE * session.seconds:
        return Test(measurement.name, "not run", f"the time of {session.seconds:g} s is over")
    started = time.perf_counter()
    try:
        evidence[measurement.name] = measurement.run(session)
    except MemoryError:
        return Test(measurement.name, "not run", "out of memory")
    except Exception as error:  # a program of the user's own may fail in any way, which a measurement must survive
        return Test(measurement.name, "not run", f"{type(error).__name__}: {reason(error)}")
    return Test(measurement.name, "done", "", time.perf_counter() - started)
