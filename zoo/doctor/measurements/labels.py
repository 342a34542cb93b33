"""The labels: how they are encoded, and how many examples each class has in training and evaluation."""

import time

import numpy as np
import scipy.stats

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.program import can, class_of
from zoo.doctor.session import Session

SECONDS = 1.5  # to look through the labels of an evaluation loader
MAX_LABELS = 100_000
LEAST_EXPECTED = 5.0  # examples of a class, for a chi-square test (Cochran 1954)
LISTED = 20  # classes
MAX_CLASSES = 10_000  # whose counts are given


def measure(session: Session) -> Values:
    """Measures the labels of both splits.

    Values for each of `train_` and `eval_`: `dtype`, `shape` (without the number of examples), `minimum`, `maximum`,
    `integers`, `not_finite`, `one_hot`, `soft` (rows of sum 1 from 0 to 1), `bad_rows` (share of rows of another sum),
    `width` of rows, `distinct` classes, `counts` by class, `out_of_range` (share of labels that are none of the
    classes) and `outside`, these labels. Of both: `classes`, `examples` of training, `spread` (whether these are from
    all of the split, rather than its first), `ratio` of the commonest to the rarest class of training, `only_eval` and
    `only_train` classes with their shares, `proportions_p` and `proportions_distance` (total variation) of the
    comparison of class proportions; the last ones only if evaluation was seen whole or in random order.
    """
    train = session.train
    eval_labels, whole = _evaluation_labels(session)
    classes = session.classes
    values: dict[str, object] = {
        "classes": classes,
        "classes_told": session.program.classes,
        "eval_whole": whole,
        "spread": can(session.program, "examples"),
    }
    values |= _described("train", train.labels, classes) | _described("eval", eval_labels, classes)
    trained, evaluated = (_counts(class_of(labels), classes) for labels in (train.labels, eval_labels))
    present = trained[trained > 0]
    values |= {"examples": len(train.labels), "ratio": float(present.max() / present.min()) if len(present) else 1.0}
    fewest = int(present.min()) if len(present) else 0
    values["rarest"] = np.flatnonzero(trained == fewest)[:LISTED].tolist() if fewest else []
    values["rarest_count"] = fewest
    if trained.sum() and evaluated.sum() and (whole or _random_order(class_of(eval_labels))):
        values |= _compared(trained, evaluated)
    return values


def _evaluation_labels(session):
    """Returns the labels of evaluation, and whether these are all or a spread sample."""
    if can(session.program, "examples"):
        return session.evaluation.labels, True
    labels, count, started = [], 0, time.perf_counter()
    for _, some in session.program.eval_batches():
        labels.append(np.asarray(some))
        count += len(labels[-1])
        if count >= MAX_LABELS or time.perf_counter() - started > SECONDS:
            return np.concatenate(labels), False
    return (np.concatenate(labels) if labels else np.zeros(0, int)), True


def _described(name, labels, classes):
    rows = labels.reshape(len(labels), -1) if len(labels) else np.zeros((0, 1))
    numbers = rows.astype(np.float64) if rows.dtype != object else np.full(rows.shape, np.nan)
    finite = np.isfinite(numbers)
    usable = numbers[finite]
    of_classes = rows.shape[1] > 1
    sums = np.abs(np.where(finite, numbers, 0).sum(1) - 1) < 1e-3
    inside = bool(usable.size and usable.min() >= 0 and usable.max() <= 1)
    binary = bool(np.isin(usable, (0, 1)).all())
    known = class_of(labels)[finite.all(1)]
    outside = (known < 0) | (known >= classes)
    return {
        f"{name}_dtype": str(labels.dtype),
        f"{name}_shape": list(labels.shape[1:]),
        f"{name}_minimum": float(usable.min()) if usable.size else 0.0,
        f"{name}_maximum": float(usable.max()) if usable.size else 0.0,
        f"{name}_integers": bool((usable % 1 == 0).all()),
        f"{name}_not_finite": float(1 - finite.mean()) if finite.size else 0.0,
        f"{name}_one_hot": bool(of_classes and binary and sums.all()),
        f"{name}_soft": bool(of_classes and inside and sums.all()),
        f"{name}_bad_rows": float(1 - sums.mean()) if of_classes else 0.0,
        f"{name}_width": rows.shape[1],
        f"{name}_distinct": len(np.unique(known)),
        f"{name}_counts": _counts(known, classes)[:MAX_CLASSES].tolist(),
        f"{name}_out_of_range": float(outside.mean()) if len(known) else 0.0,
        f"{name}_outside": sorted({float(one) for one in known[outside][:1000]})[:LISTED],
    }


def _counts(classes, size):
    classes = np.asarray(classes, float)
    usable = classes[np.isfinite(classes) & (classes >= 0) & (classes < size)].astype(int)
    return np.bincount(usable, minlength=size)


def _random_order(classes):
    """Returns whether the first and the second half have the same classes."""
    half = len(classes) // 2
    first, second = (set(np.unique(part).tolist()) for part in (classes[:half], classes[half:]))
    return bool(first) and first == second


def _compared(trained, evaluated):
    """Returns how the proportions of classes differ between the splits."""
    share, count = trained / trained.sum(), evaluated.sum()
    # A rare class may be missing from a sample by chance.
    often = evaluated / count * trained.sum() > 2 * LEAST_EXPECTED
    missing = [int(one) for one in np.flatnonzero((trained == 0) & often)]
    absent = [int(one) for one in np.flatnonzero((evaluated == 0) & (share * count > 2 * LEAST_EXPECTED))]
    values: dict[str, object] = {"only_eval": missing[:LISTED], "only_train": absent[:LISTED]}
    values["only_eval_share"] = float(evaluated[missing].sum() / count)
    values["only_train_share"] = float(share[absent].sum())
    values["proportions_distance"] = float(np.abs(share - evaluated / count).sum() / 2)
    expected = np.minimum(share, evaluated / count) * min(trained.sum(), count)
    pooled = expected < LEAST_EXPECTED
    table = np.stack([trained, evaluated])
    table = np.concatenate([table[:, ~pooled], table[:, pooled].sum(1, keepdims=True)], axis=1)
    table = table[:, table.sum(0) > 0]
    enough = table.shape[1] > 1
    values["proportions_p"] = float(scipy.stats.chi2_contingency(table).pvalue) if enough else 1.0
    return values


MEASUREMENT = Measurement("labels", measure, seconds=1.0)
