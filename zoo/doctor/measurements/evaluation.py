"""The evaluation of a network that was trained for some steps: on training data, and with other parameters."""

from collections.abc import Mapping

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.program import can
from zoo.doctor.session import Session
from zoo.doctor.trial import own_course, predicted

EXAMPLES = 1_000


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
        values["still"] = still(program.parameters(session.state), program.parameters(course.state))  # type: ignore[attr-defined]
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


def still(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> list[str]:
    """Returns the names of the parameters that are the same, bit for bit."""
    return [name for name, value in before.items() if np.array_equal(value, after[name])]


MEASUREMENT = Measurement("evaluation", measure, seconds=1.0)
