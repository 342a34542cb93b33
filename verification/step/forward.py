"""Comparison of what a training step reports with an independent computation of the same step."""

from collections.abc import Iterator

import numpy as np

from verification.check import Check, Group
from verification.step.probe import Probe, of_second_device
from verification.step.specification import Specification
from zoo.data.pipeline import Batch
from zoo.training.step.state import TrainState

# Relative, of the loss: float32 sums in another order. Measured on healthy recipes: at most 3e-7.
TOLERANCE = 2e-5


def check_forward(
    group: Group, probe: Probe, specification: Specification, states: list[TrainState], batches: list[Batch]
) -> Iterator[Check]:
    """Checks loss, accuracy and running statistics of a step from each state, and that a step can be repeated.

    The last step is that of a second device's examples.
    """
    worst, worst_stats, problems, losses = 0.0, 0.0, [], []
    batches = batches[: len(states)]
    for state, batch in zip(states, [*batches[:-1], of_second_device(batches[-1])], strict=True):
        expected, outcome = specification.training_step(state, batch), probe.step(state, batch)
        losses.append(outcome.loss)
        worst = float(np.maximum(worst, abs(outcome.loss / expected.loss - 1)))  # NaN, where there is one
        if not abs(outcome.top1 - expected.top1) * len(batch.index) <= 1.5:  # a tie may be broken either way
            problems.append(f"the step reports an accuracy of {outcome.top1:.3f}, expected {expected.top1:.3f}")
        for path, value in expected.batch_stats.items():
            allowed = np.maximum(expected.allowed[path], 1e-12)
            off = float((np.abs(outcome.batch_stats[path] - value) / allowed).max())
            worst_stats = float(np.maximum(worst_stats, off))
            if not off <= 1 and len(problems) < 3:
                problems.append(
                    f"{path} differs from the moving average of the batch's statistics, {off:.2g} times what rounding"
                    " explains"
                )
    if not worst < TOLERANCE:
        problems.insert(0, f"the reported loss differs by {worst:.1e} of it from an independent computation")
    again = probe.loss(states[0], batches[0])
    if losses[0] != again:
        problems.append(f"the same step twice gives losses {losses[0]:.7g} and {again:.7g}")
    statistics = (
        f", running statistics by {worst_stats:.1g} of what rounding explains," if states[0].batch_stats else ""
    )
    detail = f"losses of {len(states)} steps differ by {worst:.1e}{statistics} from an independent computation"
    figures = {"value": float(worst), "high": TOLERANCE}
    yield group.check("forward", not problems, "; ".join(problems) or detail, figures)
