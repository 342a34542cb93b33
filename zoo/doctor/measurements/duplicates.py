"""Examples that occur more than once, within training and in both splits."""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays
from zoo.doctor.session import MAX_EXAMPLES, Sample, Session

THUMBNAIL = 8  # pixels a side, by which candidates are found
DETAIL = 32  # pixels a side, by which they are verified
BLOCK = 500  # examples that are compared with all others at once
NEAR = 0.1  # root mean square distance of standardized thumbnails: the same picture, brighter or in other quality
NEAR_DETAIL = 0.15  # of standardized images; no pair of Fashion-MNIST, CIFAR-10 or Imagenette is as close by nature


def measure(session: Session) -> Values:
    """Measures duplicates of evaluation examples in training, and those within training.

    Values: `exact` and `near`, the numbers of evaluation examples that are in the training sample, equal or almost;
    `exact_share`, `near_share` of the evaluation sample; `pairs`, the first of them as (evaluation, training) names;
    `within`, `within_share`, `within_near_share`, of training examples that occur earlier in training; `largest_group`
    of equal training examples; `other_label`, the number of exact pairs with different labels. Blank images do not
    count. `table`, and the numbers of examples compared.
    """
    train, evaluation = (arrays.spread(sample, MAX_EXAMPLES) for sample in (session.train, session.evaluation))
    train, evaluation = _varied(train), _varied(evaluation)
    values: dict[str, object] = {"train": len(train.classes), "eval": len(evaluation.classes)}
    if not len(train.classes):
        return values
    values["table"] = arrays.is_table(train.images)
    prints = arrays.fingerprints(train.images)
    distinct, first, counts = np.unique(prints, return_index=True, return_counts=True)
    within = len(prints) - len(distinct)
    values |= {"within": within, "within_share": within / len(prints), "largest_group": int(counts.max())}
    values["group_names"] = arrays.named(train, np.flatnonzero(prints == distinct[counts.argmax()]).tolist())
    if train.images.shape[1:] != evaluation.images.shape[1:] or not len(evaluation.classes):
        return values
    eval_prints = arrays.fingerprints(evaluation.images)
    places = np.minimum(np.searchsorted(distinct, eval_prints), len(distinct) - 1)
    equal = np.flatnonzero(distinct[places] == eval_prints)
    partners = first[places[equal]]
    values |= {"exact": len(equal), "exact_share": len(equal) / len(eval_prints)}
    values["other_label"] = int((train.classes[partners] != evaluation.classes[equal]).sum())
    near = np.zeros(0, int)
    if not values["table"]:
        grey = _grey(train.images)
        near, near_partners = _near(grey, _grey(evaluation.images))
        kept = ~np.isin(near, equal)
        near, near_partners = near[kept], near_partners[kept]
        unlike = grey[np.sort(first)]
        values["within_near_share"] = len(_near(unlike, unlike, itself=True)[0]) / len(unlike)
        if not len(equal):
            equal, partners = near, near_partners
    values |= {"near": len(near), "near_share": len(near) / len(eval_prints)}
    ones, others = arrays.named(evaluation, equal.tolist()), arrays.named(train, partners.tolist())
    values["pairs"] = list(zip(ones, others, strict=True))
    return values


def _varied(sample: Sample) -> Sample:
    blank = arrays.nearly_blank(sample.images)
    return arrays.take(sample, np.flatnonzero(~blank)) if blank.any() else sample


def _grey(images):
    return np.nan_to_num(arrays.thumbnails(arrays.channels_last(images), DETAIL).mean(-1, keepdims=True))


def _standardized(grey):
    """Returns grey images [n, H, W, 1] with their mean subtracted, as vectors of length 1."""
    vectors = grey.reshape(len(grey), -1)
    vectors = vectors - vectors.mean(1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _near(images, others, itself=False):
    """Returns which of the others are almost equal to an image or its mirror image, and to which; all are grey."""
    ones, details = _standardized(arrays.thumbnails(images, THUMBNAIL)), _standardized(images)
    found, partners = [], []
    for version in (others, others[:, :, ::-1]):
        small, detail = _standardized(arrays.thumbnails(version, THUMBNAIL)), _standardized(version)
        for start in range(0, len(small), BLOCK):
            likeness = small[start : start + BLOCK] @ ones.T
            if itself:
                likeness[np.arange(len(likeness)), start + np.arange(len(likeness))] = -1
            best = likeness.argmax(1)
            # Vectors of length 1 at squared distance d have the scalar product 1 - d / 2.
            close = np.flatnonzero(likeness[np.arange(len(best)), best] > 1 - NEAR**2 / 2)
            products = (detail[start + close] * details[best[close]]).sum(1)
            verified = close[products > 1 - NEAR_DETAIL**2 / 2]
            found.append(start + verified)
            partners.append(best[verified])
    positions, order = np.unique(np.concatenate(found), return_index=True)
    return positions, np.concatenate(partners)[order]


MEASUREMENT = Measurement("duplicates", measure, seconds=1.0)
