"""The order in which training examples are delivered: whether it depends on the label, and changes in each epoch."""

import itertools
import time

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays
from zoo.doctor.program import can, class_of
from zoo.doctor.session import Session

SECONDS = 1.5  # to look for the end of an epoch
MAX_BATCHES = 1_000
FIRST_BATCHES = 8
PERMUTATIONS = 20  # for the entropy of batches in random order
LEAST_EXPECTED = 10.0  # examples of a class, whose absence is no chance


def measure(session: Session) -> Values:
    """Measures the order of the delivered labels, and of a second iteration.

    Values: `runs` of equal labels, `runs_expected` and `runs_z` under random order (Wald and Wolfowitz 1940, for
    several classes: Barton and David 1957), negative if equal labels come together; `entropy_ratio`, the mean entropy
    of a batch's labels relative to random batches', and `entropy_z`; `first_classes`, of the first batches; `absent`,
    classes that are frequent in the data but not among the delivered examples, `later`, those of them that come later
    in the epoch; `same_order`, whether another epoch begins with the same examples in the same order, None if that
    cannot be told; `epoch`, its number of examples, None if it was not seen to end; `batch` size and number of
    `delivered` examples.
    """
    sample = session.delivered
    classes = sample.classes
    values: dict[str, object] = {"delivered": len(classes), "batch": sample.batch}
    values["epoch"], values["same_order"], seen = _epoch(session)
    if len(classes) < 2:
        return values
    values |= runs(classes)
    values["distinct"] = len(np.unique(classes))
    values["first_classes"] = len(np.unique(classes[: FIRST_BATCHES * max(sample.batch, 1)]))
    if 1 < sample.batch <= len(classes) // 2:
        values |= _entropies(classes, sample.batch)
    every = session.train.classes if can(session.program, "examples") else session.evaluation.classes
    present, counts = np.unique(every, return_counts=True)
    frequent = present[counts / counts.sum() * len(classes) >= LEAST_EXPECTED] if len(every) else present
    absent = np.setdiff1d(frequent, classes)
    values["absent"] = [int(one) for one in absent]
    values["later"] = [int(one) for one in np.intersect1d(absent, seen)]
    return values


def runs(classes: np.ndarray) -> dict[str, float]:
    """Returns the number of runs of equal classes, and how many standard deviations it is from that of random order."""
    count = len(classes)
    found = 1 + int((classes[1:] != classes[:-1]).sum())
    sizes = np.unique(classes, return_counts=True)[1].astype(np.float64)
    squares, cubes = (sizes**2).sum(), (sizes**3).sum()
    expected = (count * (count + 1) - squares) / count
    variance = squares * (squares + count * (count + 1)) - 2 * count * cubes - count**3
    variance /= count**2 * max(count - 1, 1)
    z = (found - expected) / np.sqrt(variance) if variance > 0 else 0.0
    return {"runs": float(found), "runs_expected": float(expected), "runs_z": float(z)}


def _entropies(classes, batch):
    _, numbers = np.unique(classes, return_inverse=True)
    found = _mean_entropy(numbers, batch)
    random = np.random.default_rng(0)
    others = [_mean_entropy(random.permutation(numbers), batch) for _ in range(PERMUTATIONS)]
    middle, spread = float(np.mean(others)), float(np.std(others, ddof=1))
    if middle <= 0:
        return {}
    return {"entropy_ratio": found / middle, "entropy_z": (found - middle) / max(spread, 1e-3)}


def _mean_entropy(numbers, batch):
    whole = numbers[: len(numbers) // batch * batch].reshape(-1, batch)
    counts = np.stack([np.bincount(row, minlength=numbers.max() + 1) for row in whole])
    share = counts / batch
    return float(-(share * np.log(np.maximum(share, 1e-12))).sum(1).mean())


def _epoch(session):
    """Returns an epoch's number of examples, and whether epochs begin alike, None if not seen; and the classes seen."""
    started, length = time.perf_counter(), 0
    prints: list[np.ndarray] = []
    seen = np.zeros(0)
    for number, (images, labels) in enumerate(itertools.islice(session.program.train_batches(), MAX_BATCHES)):
        length += len(images)
        seen = np.union1d(seen, class_of(labels))
        prints.append(arrays.fingerprints(np.asarray(images)))
        if number == MAX_BATCHES - 1 or time.perf_counter() - started > SECONDS:
            return None, _period(np.concatenate(prints), len(prints[0])), seen
    again = session.delivered_again
    # An epoch of one or two batches has the same examples again in any case, and perhaps in one order by its nature.
    if length <= len(again.classes) or len(np.unique(again.classes)) < 2:
        return length, None, seen
    first = session.delivered.first(len(again.classes))
    # Augmented images differ although they come in the same order, but then the labels agree.
    return length, bool(np.array_equal(first.labels, again.labels)), seen


def _period(prints, batch):
    """Returns whether the first batch occurs again as a whole; None if none of its examples does."""
    later = prints[batch:]
    again = np.flatnonzero(later == prints[0])
    if not np.isin(later, prints[:batch]).any() or len(np.unique(prints[:batch])) < batch:
        return None
    return bool(any(np.array_equal(later[start : start + batch], prints[:batch]) for start in again))


MEASUREMENT = Measurement("order", measure, seconds=1.0)
