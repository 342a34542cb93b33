"""Whether the network is an affine function of its input, that is, has no activations between its layers."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

PAIRS = 32


def measure(session: Session) -> Values:
    """Compares outputs for the mean of two images with the mean of their outputs, relative to their difference."""
    images = session.evaluation.images[: session.affordable(2 * PAIRS)].astype(np.float32)
    pairs = len(images) // 2
    one, two = images[:pairs], images[pairs : 2 * pairs]
    ends = [np.asarray(session.program.predict(session.state, each), np.float64) for each in (one, two)]
    middle = np.asarray(session.program.predict(session.state, (one + two) / 2), np.float64)
    scale = float(np.abs(ends[0] - ends[1]).mean())
    if scale == 0:
        return {"curvature": None}
    return {"curvature": float(np.abs(middle - (ends[0] + ends[1]) / 2).mean()) / scale}


MEASUREMENT = Measurement("linearity", measure, seconds=1.0)
