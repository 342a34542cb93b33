"""How much of what their labels say augmented images still show."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays, probe
from zoo.doctor.session import Session

EXAMPLES = 800
VALUES = 2**24


def measure(session: Session) -> Values:
    """Measures the accuracy of a probe on plain and on augmented images of training.

    Values: `plain`, its held-out accuracy on plain images; `augmented`, fitted to augmented images, on other augmented
    ones; `to_plain`, fitted to augmented images, on other images without augmentation, as training does;
    `to_augmented`, the reverse; `chance`, the share of the commonest class; `examples`.
    """
    sample = arrays.spread(arrays.distinct(session.train), EXAMPLES, VALUES)
    present, classes = np.unique(sample.classes, return_inverse=True)
    if len(classes) < 5 * probe.FOLDS or len(present) < 2:
        return {"examples": len(classes)}
    plain, augmented = (probe.describe(arrays.received(session, sample.images, train=part)) for part in (False, True))
    if plain.shape != augmented.shape:
        return {"examples": len(classes)}
    right: dict[str, list[np.ndarray]] = {"plain": [], "augmented": [], "to_plain": [], "to_augmented": []}
    half = np.random.default_rng(0).permutation(len(classes))
    for fold in np.array_split(half, 2):
        others = np.setdiff1d(half, fold)
        targets = probe.indicators(classes[others], len(present))
        fitted = {"plain": probe.fit(plain[others]), "augmented": probe.fit(augmented[others])}
        for name, one, description in (
            ("plain", "plain", plain),
            ("augmented", "augmented", augmented),
            ("to_plain", "augmented", plain),
            ("to_augmented", "plain", augmented),
        ):
            scores = probe.predict(fitted[one], targets, description[fold])
            right[name].append(probe.chosen(scores, classes[others]) == classes[fold])
    accuracies = {name: float(np.concatenate(some).mean()) for name, some in right.items()}
    majority = float(np.bincount(classes).max() / len(classes))
    return {"examples": len(classes), "chance": majority, **accuracies}


MEASUREMENT = Measurement("augmented", measure, needs=("inputs", "examples"), seconds=1.0)
