"""The share of wrong labels in training, and the examples whose labels are most probably wrong.

As confident learning (Northcutt et al. 2021, arXiv:1911.00068), it judges labels by probabilities that a probe gives
for examples that it was not fitted to. That counts every error of a weak probe as a wrong label, so the share is
estimated otherwise: a label is assumed to be drawn from the probe's probabilities, or else, for a share of the
examples, uniformly from all classes. A probe's own errors are among the classes that it finds probable; wrong labels
are also among those that it is sure to exclude, which gives the share by maximum likelihood.
"""

import numpy as np

from zoo.doctor.evidence import Measurement, Values
from zoo.doctor.measurements import arrays, probe
from zoo.doctor.program import can
from zoo.doctor.session import MAX_EXAMPLES, Session

FEWEST = 100  # examples
LISTED = 20  # examples
SHARES = np.linspace(0, 0.9, 91)  # of uniformly drawn labels
SHARPNESS = np.geomspace(0.5, 60, 40)  # factors of the probe's scores in a softmax
SUSPICIOUS = 0.5  # probability of having been drawn uniformly


def measure(session: Session) -> Values:
    """Measures label noise.

    Values: `share`, estimated, of wrong labels; `share_low`, its lower 99.9 % limit by the likelihood ratio;
    `likelihood_ratio` against no wrong labels (twice the logarithm); `confident_share`, by confident learning, which
    includes the probe's errors; `accuracy` of the probe; `plain`, whether the examples are without random augmentation,
    as far as that can be seen, since heavily augmented ones may not show what their labels say; `examples`,
    `suspicious` (number), and `list`, the most suspicious as (name or position, name or number of the given class, the
    same of the likely one, probability of being wrong).
    """
    sample = arrays.spread(arrays.distinct(session.train), MAX_EXAMPLES, 2**25)
    present, classes = np.unique(sample.classes, return_inverse=True)
    values: dict[str, object] = {"examples": len(classes), "plain": _plain(session)}
    if len(classes) < FEWEST or len(present) < 2:
        return values
    targets = probe.indicators(classes, len(present))
    scores = probe.held_out(probe.fit(probe.describe(sample.images)), targets)
    scores = scores + np.bincount(classes) / len(classes)
    share, low, ratio, sharpness = estimate(scores, classes)
    probabilities = _softmax(sharpness * scores)
    given = probabilities[np.arange(len(classes)), classes]
    uniform = share / len(present)
    wrong = uniform / np.maximum(uniform + (1 - share) * given, 1e-12)
    likely = probabilities.argmax(1)
    order = np.argsort(-wrong)
    order = order[(wrong[order] > SUSPICIOUS) & (likely[order] != classes[order])]
    names = arrays.named(sample, order.tolist(), LISTED)
    given_names, likely_names = (map(session.class_name, present[which[order]]) for which in (classes, likely))
    rows = zip(names, given_names, likely_names, wrong[order], strict=False)
    return values | {
        "share": share * (1 - 1 / len(present)),
        "share_low": low * (1 - 1 / len(present)),
        "likelihood_ratio": ratio,
        "confident_share": _confident_share(probabilities, classes),
        "accuracy": float((likely == classes).mean()),
        "suspicious": len(order),
        "list": [(name, named, other, round(float(chance), 3)) for name, named, other, chance in rows],
    }


def _plain(session):
    """Returns whether the examples are without random augmentation, as far as that can be seen."""
    if can(session.program, "examples"):
        return True
    delivered, again = (arrays.fingerprints(one.images) for one in (session.delivered, session.delivered_again))
    return bool(np.isin(again, delivered).any())


def estimate(scores: np.ndarray, classes: np.ndarray) -> tuple[float, float, float, float]:
    """Returns the share of uniformly drawn labels, its lower limit, the likelihood ratio, and the scores' sharpness."""
    rows = np.arange(len(classes))
    given = np.stack([_softmax(factor * scores)[rows, classes] for factor in SHARPNESS])  # [sharpness, n]
    mixed = np.stack(
        [np.log(np.maximum((1 - share) * given + share / scores.shape[1], 1e-12)).sum(1) for share in SHARES]
    )
    best_by_share = mixed.max(1)
    best = int(best_by_share.argmax())
    # Half the 99.9 % quantile of chi square with one degree of freedom, one-sided: 3.09^2 / 2.
    low = int(np.flatnonzero(best_by_share >= best_by_share[best] - 4.77)[0])
    ratio = float(2 * (best_by_share[best] - best_by_share[0]))
    return float(SHARES[best]), float(SHARES[low]), ratio, float(SHARPNESS[mixed[best].argmax()])


def _softmax(scores):
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _confident_share(probabilities, classes):
    """Returns the share of examples that are confidently of another class: off the diagonal of the confident joint."""
    count = probabilities.shape[1]
    limits = np.array([probabilities[classes == one, one].mean() for one in range(count)])
    above = np.where(probabilities >= limits, probabilities, -1)
    confident = above.max(1) > 0
    return float((above.argmax(1) != classes)[confident].sum() / max(confident.sum(), 1))


MEASUREMENT = Measurement("label noise", measure, seconds=2.0)
