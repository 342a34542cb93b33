"""The outputs of the network before training, and how they depend on single examples."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.session import Session

EXAMPLES = 256
PROBED = 8  # examples of a batch of which all but one are replaced


def measure(session: Session) -> Values:
    """Returns range, row sums and width of the outputs, the first loss, and which examples an output depends on."""
    program, sample = session.program, session.train
    images = sample.images[: session.affordable(EXAMPLES)]
    outputs = _rows(program.predict(session.state, images))
    again = _rows(program.predict(session.state, images))
    some, others = images[:PROBED], images[-PROBED:]
    alone = _rows(program.predict(session.state, some))
    mixed = _rows(program.predict(session.state, np.concatenate([some[:1], others[1:]])))
    spread = float(np.std(outputs)) or 1.0
    batch = next(session.batches())
    _, loss = program.step(session.state, *batch)
    return {
        "width": outputs.shape[1],
        "classes": session.classes,
        "minimum": float(outputs.min()),
        "maximum": float(outputs.max()),
        "zeros": float(np.mean(outputs == 0)),
        "sums_to_one": bool(outputs.shape[1] > 1 and np.abs(outputs.sum(1) - 1).max() < 1e-3),
        "spread": float(np.std(outputs)),
        "differs_by_example": float(np.std(outputs, axis=0).max()),
        "finite": bool(np.isfinite(outputs).all()),
        "first_loss": float(loss),
        "random": float(np.abs(outputs - again).max() / spread),
        "crosstalk": float(np.abs(alone[0] - mixed[0]).max() / spread),
    }


def _rows(outputs):
    outputs = np.asarray(outputs, np.float64)
    return outputs.reshape(len(outputs), -1)


MEASUREMENT = Measurement("outputs", measure, seconds=2.0)
