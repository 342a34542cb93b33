"""A range of learning rates: the loss that short runs reach with the program's own, and with multiples of it."""

import contextlib

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

FACTORS = (1.0, 0.1, 10.0, 1e-2, 100.0, 1e-3, 1000.0, 1 / 3, 3.0)  # the most telling ones first
STEPS = 40
SHARE = 0.2  # of the diagnosis's time, for all factors
PART = 10  # steps at the end over which losses are averaged


def measure(session: Session) -> Values:
    """Returns the final loss for each factor on the learning rate, infinite where the run diverged.

    The first steps of a schedule may be a warm-up, in which all rates are alike; it is skipped by the program's own
    "constant" schedule where it has one.
    """
    program = session.program
    with contextlib.suppress(KeyError):
        program = program.variant(schedule="constant")  # type: ignore[attr-defined]
    final, first = {}, None
    steps = session.affordable_steps(STEPS, SHARE / len(FACTORS))
    for factor in FACTORS:
        changed = program.variant(rate=factor)  # type: ignore[attr-defined]
        state, losses = changed.init(session.seed), []
        for (images, labels), _ in zip(session.batches(), range(steps), strict=False):
            state, loss = changed.step(state, images, labels)
            losses.append(float(loss))
            if not np.isfinite(loss) or (len(losses) > PART and loss > 20 * abs(losses[0]) + 1):
                losses.append(np.inf)
                break
        first = losses[0] if first is None else first
        tail = losses[-min(PART, max(steps // 2, 1)) :]
        final[factor] = float(np.mean(tail)) if np.isfinite(tail).all() else float("inf")
        if session.remaining < 0.3 * session.seconds:
            break
    best = min(final, key=final.__getitem__)
    own = final.get(1.0, float("inf"))
    return {
        "steps": steps,
        "first": first,
        "final": {f"{factor:g}": value for factor, value in final.items()},
        "best_factor": best,
        "best": final[best],
        "own": own,
        "diverges_from": min((factor for factor, value in final.items() if not np.isfinite(value)), default=None),
    }


MEASUREMENT = Measurement("range of rates", measure, needs=("variant",), seconds=2.5)
