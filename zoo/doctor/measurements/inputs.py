"""The values that the network receives in training and in evaluation: their scale, and those that are unusable.

Training and evaluation are compared with the classes of evaluation in both, because an evaluation loader may come by
class.
"""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays
from zoo.doctor.program import can
from zoo.doctor.session import MAX_EXAMPLES, Session
from zoo.doctor.trial import EVALUATED, eval_sample

LISTED_CHANNELS = 64  # whose values are given; more are features of a wide table
MANY_VALUES = 10  # distinct ones, above which a feature is no category
FAR = 8.0  # interquartile ranges from the quartiles, beyond which a repeated value stands for something else
REPEATED = 0.004  # share of the examples that have that same value


def measure(session: Session) -> Values:
    """Measures the inputs of the first training examples and of the evaluation loader's.

    Values for each of `train_` and `eval_`: mean, std, min, max, the same by channel or feature (`channel_mean` and so
    on), `not_finite` (share of the values), `integers`, `constant_channels`. Of both: `shift` and `log_ratio`, the
    largest difference of a channel's means in training's standard deviations and of binary logarithms of standard
    deviations.
    """
    delivered = arrays.spread(session.delivered, MAX_EXAMPLES)
    evaluated = arrays.spread(eval_sample(session.program, session.affordable(EVALUATED)), MAX_EXAMPLES)
    values: dict[str, object] = {"known": can(session.program, "inputs"), "table": arrays.is_table(delivered.images)}
    if not len(delivered.images):
        return {**values, "examples": 0}
    train = arrays.channels_last(arrays.received(session, delivered.images, train=True))
    train_moments = moments(train)
    values |= {"examples": len(train)} | _described("train", train, train_moments) | _marks(train)
    values |= _blanks(session.train)
    if len(evaluated.images):
        evaluation = arrays.channels_last(arrays.received(session, evaluated.images, train=False))
        eval_moments = moments(evaluation)
        values |= _described("eval", evaluation, eval_moments)
        if train.shape[-1] == evaluation.shape[-1]:
            values |= _differences(train_moments, delivered.classes, eval_moments, evaluated.classes)
        values |= _repetition(session, evaluated)
    return values


def moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean and the mean square of each example's finite values by channel, float64 [n, C] each."""
    precise = np.float64 if images.ndim == 2 else np.float32  # features may lie far from 0
    values = images.reshape(len(images), -1, images.shape[-1]).astype(precise)
    finite = np.isfinite(values)
    if not finite.all():
        counts = np.maximum(finite.sum(1), 1)
        values = np.where(finite, values, 0)
        return values.sum(1, dtype=np.float64) / counts, np.square(values).sum(1, dtype=np.float64) / counts
    return values.mean(1, dtype=np.float64), np.square(values).mean(1, dtype=np.float64)


def _described(name, images, of_examples):
    first, second = of_examples
    mean, square = first.mean(0), second.mean(0)
    std = np.sqrt(np.maximum(square - mean**2, 0))
    values = images.reshape(-1, images.shape[-1])
    finite = np.isfinite(values)
    if finite.all():
        low, high = values.min(0), values.max(0)
    else:
        usable = np.where(finite, values, np.nan)
        low, high = (
            np.where(finite.any(0), np.nan_to_num(function.reduce(usable, axis=0)), 0)
            for function in (np.fmin, np.fmax)
        )
    total = np.sqrt(max(square.mean() - mean.mean() ** 2, 0))
    listed = {"mean": mean, "std": std, "min": low, "max": high}
    return {
        f"{name}_mean": float(mean.mean()),
        f"{name}_std": float(total),
        f"{name}_min": float(low.min()),
        f"{name}_max": float(high.max()),
        f"{name}_not_finite": float(1 - finite.mean()),
        f"{name}_integers": bool((np.nan_to_num(values[:5000]) % 1 == 0).all()),
        f"{name}_constant_channels": [place for place in range(len(std)) if low[place] == high[place]],
        **{f"{name}_channel_{key}": some[:LISTED_CHANNELS].astype(float).tolist() for key, some in listed.items()},
    }


def _marks(features):
    """Returns, for tables, how far scales of features lie apart, and values that probably stand for missing ones."""
    if features.ndim != 2:
        return {}
    marks, ranges = [], []
    for place, column in enumerate(features.T):
        column = column[np.isfinite(column)]
        if not len(column) or column.min() == column.max():
            continue
        ranges.append(float(column.max() - column.min()))
        low, high = np.quantile(column, [0.25, 0.75])
        distinct, counts = np.unique(column, return_counts=True)
        far = np.maximum(low - distinct, distinct - high) > FAR * (high - low)
        often = counts >= max(2, REPEATED * len(column))
        if high > low and len(distinct) > MANY_VALUES and (far & often).any():
            worst = np.flatnonzero(far & often)[counts[far & often].argmax()]
            marks.append((place, float(distinct[worst]), float(counts[worst] / len(features))))
    apart = np.quantile(ranges, [0.1, 0.9], method="nearest") if ranges else np.ones(2)
    return {"marks": marks, "scales_apart": float(apart[1] / apart[0])}


def _blanks(sample):
    """Returns which training images hardly vary."""
    sample = arrays.spread(sample, MAX_EXAMPLES)
    blank = np.flatnonzero(arrays.nearly_blank(sample.images))
    return {
        "blank": len(blank),
        "blank_share": len(blank) / max(len(sample.images), 1),
        "blank_names": arrays.named(sample, blank.tolist()),
    }


def _differences(train, train_classes, evaluation, eval_classes):
    """Returns how far the channels of training and evaluation lie apart, with classes in the same proportions."""
    weights = class_weights(train_classes, eval_classes)
    first, second = train
    mean, square = weights @ first, weights @ second
    std = np.sqrt(np.maximum(square - mean**2, 0))
    eval_first, eval_second = evaluation
    eval_mean = eval_first.mean(0)
    eval_std = np.sqrt(np.maximum(eval_second.mean(0) - eval_mean**2, 0))
    varies = (std > 0) & (eval_std > 0)
    shift = np.abs(eval_mean - mean)[varies] / std[varies]
    ratio = np.log2(eval_std[varies] / std[varies])
    error = np.sqrt(eval_first.var(0) / len(eval_first) + (weights**2).sum() * first.var(0))[varies]
    sigmas = shift * std[varies] / np.maximum(error, 1e-12)
    if not varies.any():
        return {}
    # Of a wide table, the largest of many differences is large by chance: those beyond their sampling error count.
    beyond = np.maximum(shift * (1 - 4 / np.maximum(sigmas, 4)), 0)
    return {
        "shift": float(beyond.max()),
        "shift_sigmas": float(sigmas.max()),
        "log_ratio": float(ratio[np.abs(ratio).argmax()]),
        "median_log_ratio": float(np.median(ratio)),
    }


def class_weights(classes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Returns weights of examples, of sum 1, that give their classes the proportions of others; else equal ones."""
    _, numbers = np.unique(np.concatenate([classes, wanted]), return_inverse=True)
    have, want = (np.bincount(part, minlength=numbers.max() + 1) for part in np.split(numbers, [len(classes)]))
    weights = (want / np.maximum(have, 1))[numbers[: len(classes)]]
    return weights / weights.sum() if weights.sum() else np.full(len(classes), 1 / len(classes))


def _repetition(session, evaluated):
    """Returns which share of evaluation images differs if they are loaded again in the same order."""
    again = arrays.spread(eval_sample(session.program, session.affordable(EVALUATED)), MAX_EXAMPLES)
    same = again.images.shape == evaluated.images.shape and np.array_equal(again.labels, evaluated.labels)
    if not same or len(np.unique(again.classes)) < 2:
        return {}
    pairs = zip(again.images, evaluated.images, strict=True)
    return {
        "eval_differs_again": float(np.mean([not np.array_equal(one, other, equal_nan=True) for one, other in pairs]))
    }


MEASUREMENT = Measurement("inputs", measure, seconds=1.0)
