"""What training and evaluation do to the same images: whether it is random, and which values colours end up with.

Images of a single colour stay so when they are cropped, flipped or rotated, but for margins and erased areas, so that
the median value that the network receives for them is what happens to colours, however random the augmentation is.
"""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays
from zoo.doctor.measurements.inputs import moments
from zoo.doctor.program import can
from zoo.doctor.session import Session

EXAMPLES = 128
VALUES = 2**22
LEVELS = 5  # from the smallest to the largest value of the images
COPIES = 32  # of an image of a single colour
MARGIN = 0.02  # of the range of values, within which half of the pixels of an image of a single colour stay
AVERAGED = 4  # augmented versions of an image
THUMBNAIL = 8  # pixels a side
NOTED_GAP = 0.1  # below which it is not worth the time to prepare the program without augmentation
CLEARLY = 1.5  # times as strong as the second, for a channel to be the source of another


def measure(session: Session) -> Values:
    """Measures the inputs of the same images in training and evaluation.

    Values: `random` (whether two seeds differ in training), `random_declared` (the program's own `random_transforms`),
    `delivered_plain` (whether delivered images are found among those without augmentation, so that any augmentation
    comes after delivery), `same_in_batch` (whether copies of an image are augmented alike in a batch, though not with
    another seed); `eval_differs` (share of images that differ between two evaluations); `train_min`, `train_max`,
    `eval_min`, `eval_max`; `outside`, the share of training's values outside evaluation's range; `curve_gap`, the
    largest difference of what becomes of a colour, relative to the range or standard deviation of evaluation's inputs;
    `curve_gap_plain`, the same without augmentation, where the program can leave it out; `difference`, the largest of
    two inputs of the same image, in evaluation's standard deviations, and `difference_rms`, their root mean square,
    where training is not random; `mean_shift` and `log_ratio`, medians over images of the difference of means and of
    the binary logarithm of the ratio of deviations; `channels_train` and `channels_eval`, which channel of the images
    each channel of the inputs is made of; `orientation`, the rotation or mirroring of evaluation inputs that agrees
    best with training's, and `orientation_gain` in correlation.
    """
    sample = arrays.spread(session.train, EXAMPLES, VALUES)
    images = sample.images
    program = session.program
    prepared = [arrays.received(session, images, train=True, seed=seed) for seed in range(AVERAGED)]
    evaluated = [arrays.received(session, images, train=False, seed=seed) for seed in (0, 1)]
    differs = [not np.array_equal(one, other, equal_nan=True) for one, other in zip(*evaluated, strict=True)]
    prints = arrays.fingerprints(session.train.images)
    is_random = not np.array_equal(prepared[0], prepared[1], equal_nan=True)
    values: dict[str, object] = {
        "random": is_random,
        "random_declared": getattr(program, "random_transforms", None),
        "delivered_plain": bool(np.isin(arrays.fingerprints(session.delivered.images), prints).any()),
        "eval_differs": float(np.mean(differs)),
    }
    train, evaluation = arrays.channels_last(prepared[0]), arrays.channels_last(evaluated[0])
    values |= _ranges(train, evaluation)
    if train.shape[-1] == evaluation.shape[-1]:
        values |= _shifts(train, evaluation)
    if not is_random and train.shape == evaluation.shape:
        difference, spread = np.abs(train - evaluation), max(float(np.nanstd(evaluation)), 1e-12)
        values["difference"] = float(np.nanmax(difference) / spread)
        values["difference_rms"] = float(np.sqrt(np.nanmean(difference**2)) / spread)
    if arrays.is_table(images):
        return values
    if is_random:
        values["same_in_batch"] = _same_in_batch(session, images)
    values |= _colors(session, images, float(np.nanstd(evaluation)))
    if min(train.shape[1:3]) > 1 and train.shape[-1] == evaluation.shape[-1]:
        values |= _orientation([arrays.channels_last(one) for one in prepared], evaluation)
    return values


def _ranges(train, evaluation):
    low, high = np.nanmin(evaluation), np.nanmax(evaluation)
    margin = 0.01 * (high - low)
    outside = (train < low - margin) | (train > high + margin)
    return {
        "train_min": float(np.nanmin(train)),
        "train_max": float(np.nanmax(train)),
        "eval_min": float(low),
        "eval_max": float(high),
        "outside": float(outside.mean()),
    }


def _shifts(train, evaluation):
    (first, second), (eval_first, eval_second) = moments(train), moments(evaluation)
    spread = np.sqrt(max(eval_second.mean() - eval_first.mean() ** 2, 1e-12))
    ones, others = (np.sqrt(np.maximum(b - a**2, 0)) for a, b in ((first, second), (eval_first, eval_second)))
    varied = (ones > 0) & (others > 0)
    ratio = np.log2(ones[varied] / others[varied])
    return {
        "mean_shift": float(np.abs(np.median(first - eval_first, axis=0)).max() / spread),
        "log_ratio": float(np.median(ratio)) if varied.any() else 0.0,
    }


def _same_in_batch(session, images):
    copies = np.repeat(images[:1], COPIES, axis=0)
    one, other = (arrays.received(session, copies, train=True, seed=seed) for seed in (0, 1))
    alike = all(np.array_equal(one[0], some, equal_nan=True) for some in one)
    return bool(alike and not np.array_equal(one[0], other[0], equal_nan=True))


def _colors(session, images, spread):
    """Returns how colours differ between training and evaluation, and which channel each channel is made of."""
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    grey = [np.array([[level]]) for level in np.linspace(low, high, LEVELS)]
    train, evaluation = (_responses(session.program, images, grey, train=part) for part in (True, False))
    values: dict[str, object] = {}
    if train.shape == evaluation.shape:
        gap = _gap(train, evaluation, spread)
    if train.shape == evaluation.shape and np.isfinite(gap):
        values["curve_gap"] = gap
        plain = _without_augmentation(session.program) if gap > NOTED_GAP else None
        if plain is not None:
            bare = _responses(plain, images, grey, train=True)
            values["curve_gap_plain"] = _gap(bare, evaluation, spread)
    channels = arrays.channels_last(images[:1]).shape[-1]
    if channels == 3:
        middle = (low + high) / 2
        colors = [np.full((1, 3), middle), *(middle + (high - middle) / 2 * np.eye(3)[[one]] for one in range(3))]
        for name, part in (("channels_train", True), ("channels_eval", False)):
            responses = _responses(session.program, images, colors, train=part)
            values[name] = _sources(np.abs(responses[1:] - responses[0]))
    return values


def _responses(program, images, colors, *, train):
    """Returns the median value of each channel that the network receives for images of each colour, [colors, C].

    NaN where most images are no longer of a single colour, as when noise covers them.
    """
    found = []
    for color in colors:
        flat = arrays.flat_like(images, np.repeat(color, COPIES, axis=0))
        inputs = arrays.channels_last(np.asarray(program.inputs(flat, train=train, seed=0)))
        inputs = inputs.reshape(len(inputs), -1, inputs.shape[-1])
        values = np.median(inputs, axis=1)
        width = np.quantile(inputs, 0.75, axis=1) - np.quantile(inputs, 0.25, axis=1)
        uniform = width <= MARGIN * np.maximum(np.ptp(inputs), 1e-12)
        found.append(np.where(uniform.mean(0) > 0.5, np.median(values, axis=0), np.nan))
    return np.stack(found).astype(np.float64)


def _gap(train, evaluation, spread):
    scale = np.maximum(np.ptp(evaluation, axis=0), max(spread, 1e-12))
    return float((np.abs(train - evaluation) / scale).max())


def _sources(strengths):
    """Returns which changed channel each channel of the inputs responds to; None if that is not clear."""
    if strengths.shape[1] != 3:
        return None
    ordered = np.sort(strengths, axis=0)
    return strengths.argmax(0).tolist() if (ordered[-1] > CLEARLY * ordered[-2]).all() else None


def _without_augmentation(program):
    if not can(program, "variant"):
        return None
    try:
        plain = program.variant(augmentation=False)
    except KeyError:  # the program cannot leave it out
        return None
    return plain if can(plain, "inputs") else None


def _orientation(prepared, evaluation):
    """Returns which of the eight orientations of evaluation inputs agrees best with training's average ones."""
    mean = np.mean([arrays.thumbnails(one, THUMBNAIL).mean(-1) for one in prepared], axis=0)
    small = arrays.thumbnails(evaluation, THUMBNAIL).mean(-1)
    if mean.shape[1] != mean.shape[2] or mean.shape != small.shape:
        return {}
    # What all images share, such as bright margins, would hide the difference between orientations of an image.
    mean, small = mean - mean.mean(0), small - small.mean(0)
    versions = {
        "as they are": small,
        "mirrored": small[:, :, ::-1],
        "upside down": small[:, ::-1],
        "turned by 180 degrees": small[:, ::-1, ::-1],
        "transposed": small.transpose(0, 2, 1),
        "turned by 90 degrees": np.rot90(small, 1, (1, 2)),
        "turned by 270 degrees": np.rot90(small, 3, (1, 2)),
    }
    likeness = {name: float((mean * some).sum()) / _norm(mean, some) for name, some in versions.items()}
    best = max(likeness, key=lambda name: likeness[name])
    return {"orientation": best, "orientation_gain": likeness[best] - likeness["as they are"]}


def _norm(ones, others):
    return max(float(np.linalg.norm(ones) * np.linalg.norm(others)), 1e-12)


MEASUREMENT = Measurement("preparation", measure, needs=("inputs", "examples"), seconds=1.5)
