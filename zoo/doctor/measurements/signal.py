"""Activations by layer before training: their size, units without a signal, saturation, and feature maps."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

EXAMPLES = 128
SATURATED = 0.98  # of the bounds -1 and 1, or 0 and 1


def measure(session: Session) -> Values:
    """Returns a row for each layer, in the order in which they are computed."""
    images = session.delivered.images[: session.affordable(EXAMPLES)]
    found = session.program.activations(session.state, images)  # type: ignore[attr-defined]
    layers = [{"name": name, **describe(np.asarray(values))} for name, values in found.items()]
    layers = [layer for layer in layers if layer["values"]]
    spreads = [layer["spread"] for layer in layers if layer["spread"] > 0]
    return {
        "layers": layers,
        "count": len(layers),
        "last_to_first": float(spreads[-1] / spreads[0]) if len(spreads) > 1 else 1.0,
        "smallest_to_first": float(min(spreads) / spreads[0]) if spreads else 1.0,
        "largest_to_first": float(max(spreads) / spreads[0]) if spreads else 1.0,
        "no_signal": [layer["name"] for layer in layers if layer["differs"] == 0],
        "dead": max((layer["dead"] for layer in layers), default=0.0),
        "saturated": max((layer["saturated"] for layer in layers), default=0.0),
    }


def describe(values: np.ndarray) -> dict[str, float | bool | list[int] | int]:
    """Returns the statistics of a layer's output [n, ...]."""
    values = values.astype(np.float64)
    if values.ndim < 2 or not values.size:
        return {"values": 0}
    finite = bool(np.isfinite(values).all())
    flat = values.reshape(len(values), -1)
    low, high = float(flat.min()), float(flat.max())
    bounded = high <= 1.0 and (low >= -1.0) and high - low > 1e-6
    ends = [end for end in (-1.0, 0.0, 1.0) if end in (1.0, -1.0 if low < -0.01 else 0.0)]
    near = sum(np.abs(flat - end) < 1 - SATURATED for end in ends) if bounded and high > 0.9 else np.zeros(1)
    return {
        "values": flat.shape[1],
        "shape": list(values.shape[1:]),
        "spread": float(flat.std()),
        "differs": float(flat.std(0).max()),  # between examples
        "zeros": float(np.mean(flat == 0)),
        "dead": float(np.mean((flat == 0).all(0))),
        "saturated": float(np.mean(near)) if low < 0 or low > 0 else 0.0,  # a ReLU has exact zeros
        "finite": finite,
    }


MEASUREMENT = Measurement("activations", measure, needs=("activations",), seconds=3.0)
