"""The learning rate over the whole run."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

POINTS = 200


def measure(session: Session) -> Values:
    """Returns the learning rate at points of the run, and the fractions of the run for which it is low or rising."""
    total = session.program.total_steps  # type: ignore[attr-defined]
    steps = np.unique(np.linspace(0, max(total - 1, 0), min(POINTS, total)).astype(int))
    rates = np.array([session.program.learning_rate(int(step)) for step in steps])  # type: ignore[attr-defined]
    peak = float(rates.max())
    top = int(rates.argmax())
    return {
        "steps": total,
        "peak": peak,
        "peak_at": float(steps[top] / max(total - 1, 1)),
        "low": float(np.mean(rates < 0.01 * peak)) if peak > 0 else 1.0,
        "low_before_peak": float(np.mean(rates[: top + 1] < 0.01 * peak)) if top and peak > 0 else 0.0,
        "mean_of_peak": float(rates.mean() / peak) if peak > 0 else 0.0,
        "last_of_peak": float(rates[-1] / peak) if peak > 0 else 0.0,
        "negative": bool((rates < 0).any()),
    }


MEASUREMENT = Measurement("schedule", measure, needs=("learning_rate", "total_steps"), seconds=0.5)
