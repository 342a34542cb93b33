"""Initial parameters: kernels whose units are equal, and the scale of kernels relative to their fan-in."""

import math

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

EQUAL = 1e-6  # relative difference of units that are equal


def measure(session: Session) -> Values:
    """Returns each kernel's standard deviation times the root of half its fan-in, and whether its units are equal."""
    kernels, parameters = [], 0
    for name, values in session.program.parameters(session.state).items():  # type: ignore[attr-defined]
        values = np.asarray(values, np.float64)
        parameters += values.size
        if values.ndim < 2 or min(values.shape[0], values.shape[-1]) < 1:
            continue
        # A kernel is [.., in, out] or [out, in, ..]: the fan-in is the product of all axes but that of the units.
        fans = {math.prod(values.shape[:-1]), math.prod(values.shape[1:])}
        spread = float(values.std())
        kernels.append(
            {
                "name": name,
                "spread": spread,
                "he": [spread * math.sqrt(fan / 2) for fan in fans],  # 1 by He et al. 2015, equation 10
                "equal": equal_units(values),
                "zero": not values.any(),
            }
        )
    nonzero = [kernel for kernel in kernels if not kernel["zero"] and not kernel["equal"]]
    return {
        "kernels": kernels,
        "parameters": parameters,
        "equal": [kernel["name"] for kernel in kernels if kernel["equal"]],
        "smallest": min((max(kernel["he"]) for kernel in nonzero), default=1.0),
        "largest": max((min(kernel["he"]) for kernel in nonzero), default=1.0),
        "typical_low": float(np.median([max(kernel["he"]) for kernel in nonzero])) if nonzero else 1.0,
        "typical_high": float(np.median([min(kernel["he"]) for kernel in nonzero])) if nonzero else 1.0,
    }


def equal_units(values: np.ndarray) -> bool:
    """Returns whether all units of a kernel have the same weights, along its first or last axis."""
    size = float(np.abs(values).max())
    for axis in (0, -1):
        units = np.moveaxis(values, axis, 0)
        if len(units) > 1 and np.abs(units - units[:1]).max() <= EQUAL * max(size, 1e-30):
            return True
    return False


MEASUREMENT = Measurement("initial weights", measure, needs=("parameters",), seconds=0.5)
