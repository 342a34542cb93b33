"""The first training steps on one batch: what moves, by how much, and whether the loss of that batch falls."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.program import can
from zoo.doctor.session import Session

STEPS = 40  # on the same batch
BATCH = 32
MOVES = 5  # steps after which parameters are compared


def measure(session: Session) -> Values:
    """Trains on one batch of examples; the states before are kept, so that nothing of it remains."""
    program = session.program
    sample = session.delivered
    images, labels = sample.images[:BATCH], sample.labels[:BATCH]
    state, moved = session.state, {}
    seen: list[float] = []
    for step in range(session.affordable_steps(STEPS, 0.1)):
        state, loss = program.step(state, images, labels)
        seen.append(float(loss))
        if step == MOVES - 1 and can(program, "parameters"):
            moved = _moves(program, session.state, state)
        if not np.isfinite(loss):
            break
    losses = np.array(seen)
    finite = bool(np.isfinite(losses).all())
    return {
        "losses": losses.tolist(),
        "finite": finite,
        "steps": len(losses),
        "first": float(losses[0]),
        "last": float(np.mean(losses[-5:])) if finite else float("inf"),
        "least": float(np.nanmin(losses)) if np.isfinite(losses).any() else float("inf"),
        "rises": float(np.mean(np.diff(losses) > 0)) if len(losses) > 1 else 0.0,
        "moved": {name: size for name, size in moved.items() if size > 0},
        "still": [name for name, size in moved.items() if size == 0],
        "relative_move": float(np.median([size for size in moved.values() if size > 0] or [0.0])) / MOVES,
    }


def _moves(program, before, after):
    """Returns the root mean square change of each parameter, relative to that of its values."""
    old, new = program.parameters(before), program.parameters(after)
    sizes = {}
    for name, value in old.items():
        value = np.asarray(value, np.float64)
        change = np.asarray(new[name], np.float64) - value
        scale = float(np.sqrt(np.mean(np.square(value)))) or 1.0
        sizes[name] = float(np.sqrt(np.mean(np.square(change)))) / scale
    return sizes


MEASUREMENT = Measurement("one batch", measure, seconds=2.0)
