"""The evaluation of a network that was trained for some steps: on training data, and with other parameters."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.program import can
from zoo.doctor.session import Session
from zoo.doctor.trial import own_course, predicted

EXAMPLES = 1_000
FASTER = 1e5  # factor on a learning rate whose steps may be smaller than rounding


def measure(session: Session) -> Values:
    """Returns losses and accuracies of the same examples, as training and as evaluation compute them."""
    program, course = session.program, own_course(session)
    sample = session.delivered
    batch = sample.batch or 32
    images, labels, classes = sample.images[:batch], sample.labels[:batch], sample.classes[:batch]
    outputs = np.asarray(program.predict(course.state, images))
    before = np.asarray(program.predict(session.state, images))
    third = max(course.steps // 3, 1)
    values = {
        "train_accuracy": course.train_accuracy,
        "eval_accuracy": course.eval_accuracy,
        "majority": course.majority,
        "whole": course.steps >= (getattr(program, "total_steps", None) or np.inf),
        "middle_losses": float(np.mean(course.losses[-2 * third : -third])) if course.steps > 2 else None,
        "end_losses": float(np.mean(course.losses[-third:])),
        "unchanged": bool(np.array_equal(outputs, before)),
        "steps": course.steps,
        "accuracy_on_batch": float(np.mean(predicted(outputs) == classes)),
        "predicted": np.bincount(np.clip(predicted(outputs), 0, None), minlength=session.classes).tolist(),
        "last_losses": float(np.mean(course.losses[-10:])),
        "training_loss": float(program.step(course.state, images, labels)[1]),
    }
    if can(program, "parameters"):
        values["still"] = _still(program, session, course.state)
        values["kernels_shrink_to"] = _shrink(program, session, course.state)
    if can(program, "loss"):
        values["evaluation_loss"] = float(program.loss(outputs, labels))  # type: ignore[attr-defined]
    evaluated = session.evaluation.first(session.affordable(EXAMPLES))
    of_classes = evaluated.classes
    outputs = np.asarray(program.predict(course.state, evaluated.images))
    right = predicted(outputs) == of_classes
    values["minimum"], values["maximum"] = float(outputs.min()), float(outputs.max())
    values["recall"] = [
        float(right[of_classes == each].mean()) if (of_classes == each).any() else None
        for each in range(session.classes)
    ]
    return values


def _still(program, session, trained):
    """Returns the names of the parameters that no step changes, bit for bit, however large the learning rate."""

    def unchanged(before, after):
        return [name for name, value in before.items() if np.array_equal(value, after[name])]

    start = program.parameters(session.state)
    names = unchanged(start, program.parameters(trained))
    if not names or not can(program, "variant"):
        return names
    faster = program.variant(rate=FASTER)
    before = state = faster.init(session.seed)
    for (images, labels), _ in zip(session.batches(), range(2), strict=False):
        state, _ = faster.step(state, images, labels)
    still = unchanged(program.parameters(before), program.parameters(state))
    return [name for name in names if name in still]


def _shrink(program, session, trained):
    """Returns the median ratio of the root mean squares of kernels after training and before; None without kernels."""
    before, after = program.parameters(session.state), program.parameters(trained)
    sizes = {
        name: [float(np.sqrt(np.mean(np.square(np.asarray(values[name], np.float64))))) for values in (before, after)]
        for name in before
        if np.ndim(before[name]) > 1
    }
    ratios = [last / first for first, last in sizes.values() if first > 0 and np.isfinite(last)]
    return float(np.median(ratios)) if ratios else None


# Seconds without the program's own run, which experiments need as well; but it begins here, so that what only reads the
# program comes first.
MEASUREMENT = Measurement("evaluation", measure, seconds=1.8)
