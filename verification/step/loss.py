"""Comparison of the loss that a training step reports with its formula, for logits up to very confident ones."""

import numpy as np

from verification.check import Check, Group
from verification.step.inputs import Reader

RANGES = (3.0, 12.0, 30.0, 60.0)  # between the smallest and the largest logit; the last is a probability of 1e-26
TOLERANCE = 2e-5  # relative


def check_loss(group: Group, reader: Reader) -> Check:
    """Checks the loss of a linear network whose biases are the logits of every example."""
    random, batch = np.random.default_rng(0), reader.probe.batches(0, 1)[0]
    worst, smallest = 0.0, 1.0
    for width in RANGES:
        drawn = random.standard_normal(reader.state.params["bias"].shape)
        bias = (width / np.ptp(drawn) * drawn).astype(np.float32)
        state = reader.state.replace(params={**reader.state.params, "bias": bias})
        expected, found = reader.specification.training_step(state, batch).loss, reader.probe.loss(state, batch)
        off = abs(found / expected - 1)
        worst = worst if off <= worst else off  # NaN counts as the largest
        probability = np.exp(bias - bias.max())
        smallest = min(smallest, float(probability.min() / probability.sum()))
    kind = type(reader.probe.experiment.recipe.loss).__name__
    detail = f"{kind} differs by {worst:.1e} from its formula, for probabilities down to {smallest:.0e}"
    return group.check("loss", worst < TOLERANCE, detail, {"value": float(worst), "high": TOLERANCE})
