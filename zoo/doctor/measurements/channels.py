"""Whether the colour channels of evaluation are in the order of training's, judged by their distributions."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays
from zoo.doctor.measurements.inputs import class_weights
from zoo.doctor.session import MAX_EXAMPLES, Session
from zoo.doctor.trial import EVALUATED, eval_sample

GROUPS = 20  # of examples, whose differences give the sampling error
THUMBNAIL = 8  # pixels a side
PAIRS = ((0, 1), (1, 2))  # channels whose correlations change places when the order is reversed


def measure(session: Session) -> Values:
    """Measures how much better evaluation's channels agree with training's when they are reversed.

    Values: `reversed`, the difference of squared distances in standard errors, positive if the reversed order is
    better, and `reversed_distance`, the squared distance that is left then; both from means, standard deviations,
    skewness and correlations of channels, and, with `_by_shape`, from skewness and correlations only, which no
    normalization changes. Nothing if images do not have three channels.
    """
    train = arrays.spread(session.delivered, MAX_EXAMPLES)
    evaluation = arrays.spread(eval_sample(session.program, session.affordable(EVALUATED)), MAX_EXAMPLES)
    if min(len(train.images), len(evaluation.images)) < 10 * GROUPS or arrays.is_table(train.images):
        return {}
    ones = arrays.channels_last(arrays.received(session, train.images, train=True))
    others = arrays.channels_last(arrays.received(session, evaluation.images, train=False))
    if ones.shape[-1] != 3 or others.shape[-1] != 3:
        return {}
    random = np.random.default_rng(0)
    weights = class_weights(train.classes, evaluation.classes)
    ones = ones[random.choice(len(ones), min(len(ones), len(others)), p=weights)]
    signatures = [_signatures(arrays.thumbnails(images, THUMBNAIL), random) for images in (ones, others)]
    values: dict[str, float] = {}
    for suffix, parts in (("", slice(None)), ("_by_shape", slice(2, None))):
        in_order, reversed_order = (
            _distance(signatures[0][:, parts], other[:, parts]) for other in (signatures[1], signatures[1][:, :, ::-1])
        )
        values[f"reversed{suffix}"] = in_order - reversed_order
        values[f"reversed_distance{suffix}"] = reversed_order
    return values


def _signatures(images, random):
    """Returns by group of images the first and last channel's mean, log std and skewness, and the two correlations."""
    found = []
    for group in np.array_split(random.permutation(len(images)), GROUPS):
        values = images[group].reshape(-1, 3).astype(np.float64)
        deviations = values - values.mean(0)
        std = np.maximum(deviations.std(0), 1e-12)
        scores = deviations / std
        correlations = [np.arctanh(np.clip((scores[:, a] * scores[:, b]).mean(), -0.9999, 0.9999)) for a, b in PAIRS]
        ends = [values.mean(0)[[0, 2]], np.log(std)[[0, 2]], (scores**3).mean(0)[[0, 2]], correlations]
        found.append(ends)
    return np.array(found)  # [GROUPS, 4, 2]


def _distance(ones, others):
    """Returns the squared distance of differences between the two ends, in standard errors."""
    # What both ends share, such as the brightness of the image, is left out: it says nothing about their order.
    first, second = ones[..., 0] - ones[..., 1], others[..., 0] - others[..., 1]
    errors = (first.var(0, ddof=1) + second.var(0, ddof=1)) / GROUPS
    return float(((first.mean(0) - second.mean(0)) ** 2 / np.maximum(errors, 1e-12)).sum())


MEASUREMENT = Measurement("channels", measure, seconds=0.5)
