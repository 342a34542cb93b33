"""Rules about the values that the network receives, and unusable ones among them.

Scores are about logarithms of odds before they are learned: 0 where a fault and a healthy practice are equally likely.
"""

import math
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values

LARGEST = 8.0  # score
LEAST = -3.0  # score that is worth mentioning
WIDEST = 5.0  # standard deviation of usual inputs: a few times 1
NARROWEST = 0.05  # the same of pictures from 0 to 1 that are very dark or pale
PLAIN_RANGES = ((0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5))  # of inputs scaled without statistics
OFFSET = 1.0  # mean in standard deviations; ImageNet's statistics give 0.6 on Fashion-MNIST
CENTERED, MEAN_ONLY = 0.25, 3.0  # pixels minus their mean are what He et al. 2015 trained with: less suspicious
FAR = 8.0  # the same, of images without statistics: pages of white paper give 5
FACTOR = 1.3  # binary logarithm of the standard deviation of standardized inputs; the same give 0.6
APART = 2.0  # decimal orders between scales of features
BLANK, MANY_BLANK = 0.005, 0.02  # share of the images: as likely a fault as not; no chance
SURELY_BLANK = 3  # images at least
REPEATED = 0.004  # share of a value far outside a feature's range, see `zoo.doctor.measurements.inputs`
SCALED = "inputs with mean 0 and standard deviation 1, or from 0 to 1, or from -1 to 1"
STANDARDIZE = "--set='normalization=ChannelMeanStd()', or x = (x - mean) / std with the training data's statistics"
STANDARDIZE_FEATURES = "--set='normalization=FeatureMeanStd()', or x = (x - mean) / std of each feature in training"


def unscaled(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Inputs whose standard deviation is far above 1, or features of scales that lie orders of magnitude apart."""
    found = evidence.get("inputs")
    if not found or not found["examples"]:
        return
    widest = max(found["train_std"], *found["train_channel_std"])
    score = 6 * math.log10(max(widest, 1e-12) / WIDEST)
    text = (
        f"the network receives values from {found['train_min']:.4g} to {found['train_max']:.4g}, with a standard"
        f" deviation of {found['train_std']:.3g}"
    )
    if not found["table"] and abs(found["train_mean"]) < CENTERED * found["train_std"]:
        score -= MEAN_ONLY
    apart = 4 * (math.log10(found["scales_apart"]) - APART) if found["table"] else -math.inf
    if apart > score:
        score = apart
        text = f"the ranges of features differ by a factor of {found['scales_apart']:.3g}"
    if score > LEAST:
        yield Suspicion(
            "inputs_unscaled",
            "scale of inputs",
            min(score, LARGEST),
            text,
            _channels(found, "the input of the network"),
            _statistics(found),
            SCALED,
            STANDARDIZE_FEATURES if found["table"] else STANDARDIZE,
            change={"standardize": True},
        )


def scaled_twice(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Inputs that hardly differ from each other."""
    found = evidence.get("inputs")
    if not found or not found["examples"]:
        return
    std = max(found["train_std"], *found["train_channel_std"]) if found["table"] else found["train_std"]
    score = 6 * math.log10(NARROWEST / max(std, 1e-9))
    if score > LEAST:
        yield Suspicion(
            "inputs_scaled_twice",
            "spread of inputs",
            min(score, LARGEST),
            f"the network receives values from {found['train_min']:.4g} to {found['train_max']:.4g}, with a standard"
            f" deviation of just {found['train_std']:.2g}",
            _channels(found, "the input of the network"),
            _statistics(found),
            SCALED,
            "divide by 255 once: --set='normalization=ChannelMeanStd()' takes images as they are",
            change={"standardize": True},
        )


def wrong_statistics(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Images that were standardized, since their values have no plain range, but not to mean 0 and deviation 1."""
    found = evidence.get("inputs")
    if not found or not found["examples"] or found["table"] or found["train_integers"] or _plain(found):
        return
    std = found["train_std"]
    offset = max(map(abs, found["train_channel_mean"])) / max(std, 1e-12)
    ratios = [each / std for each in found["train_channel_std"] if each > 0 and std > 0]
    factor = abs(math.log2(std)) if std > 0 else 0.0
    unequal = math.log2(max(ratios) / min(ratios)) if ratios else 0.0
    strange_offset = 4 * (min(offset, 4) - OFFSET)
    # A deviation far from 1 is a matter of scale, which other rules judge, unless the mean is strange as well.
    strange_scale = 4 * (factor - FACTOR) if NARROWEST < std < WIDEST else LEAST
    score = max(strange_offset, strange_scale, 4 * (unequal - math.log2(3)))
    if score > LEAST:
        yield Suspicion(
            "wrong_statistics",
            "statistics of standardized inputs",
            min(score, LARGEST),
            f"the inputs are standardized, but their mean is {found['train_mean']:.3g} and their standard deviation"
            f" {std:.3g} (by channel: means {_list(found['train_channel_mean'])}, deviations"
            f" {_list(found['train_channel_std'])})",
            "the normalization",
            _statistics(found) | {"offset": offset, "factor": factor},
            "mean 0 and standard deviation 1 in each channel",
            STANDARDIZE,
            change={"standardize": True},
        )


def channel_order(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Colour channels of evaluation in another order than those of training."""
    same, likely = evidence.get("preparation", {}), evidence.get("channels", {})
    train, evaluation = same.get("channels_train"), same.get("channels_eval")
    healthy, remedy = (
        "the same order in training and evaluation",
        "read all images as RGB: images[..., ::-1] of BGR ones",
    )
    if train and evaluation and train != evaluation:
        text = f"the network receives the channels in the order {train} in training and {evaluation} in evaluation"
        values = {"training": train, "evaluation": evaluation}
        yield Suspicion(
            "channel_order", "order of channels", LARGEST, text, "evaluation", values, healthy, remedy, True, True
        )
    gains = [
        likely[f"reversed{suffix}"] - 2 * likely[f"reversed_distance{suffix}"]
        for suffix in ("", "_by_shape")
        if f"reversed{suffix}" in likely
    ]
    if gains and (max(gains) - 20) / 5 > LEAST:
        yield Suspicion(
            "channel_order",
            "distributions of channels",
            min((max(gains) - 20) / 5, LARGEST),
            f"evaluation's colours agree with training's far better with the channels reversed: by {max(gains):.0f} in"
            " squared standard errors",
            "the evaluation loader",
            likely,
            healthy,
            remedy,
        )


def bad_values(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Inputs that are not finite, and values of features that stand for missing ones."""
    found = evidence.get("inputs")
    if not found or not found["examples"]:
        return
    remedy = "remove these examples, or impute: --set='data.missing=ImputeMedian()'"
    for part, name in (("training", "train"), ("evaluation", "eval")):
        if share := found.get(f"{name}_not_finite", 0.0):
            text = f"{share:.2%} of the values that the network receives in {part} are NaN or infinite"
            values = {"share": share}
            yield Suspicion(
                "bad_values", "not finite", LARGEST, text, f"{part} inputs", values, "none", remedy, True, True
            )
    if marks := found.get("marks"):
        feature, value, share = max(marks, key=lambda mark: mark[2])
        yield Suspicion(
            "bad_values",
            "marks of missing values",
            1 + 2 * math.log10(share / REPEATED),
            f"{share:.1%} of the values of feature {feature} are exactly {value:g}, far outside the others: a mark of"
            " missing values",
            ", ".join(f"feature {mark[0]}" for mark in marks[:10]),
            {"marks": marks[:10]},
            "missing values are imputed, not coded as a number",
            remedy,
        )


def blank_images(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Images that show nothing."""
    found = evidence.get("inputs")
    if found and found["examples"] and found["blank"]:
        share = found["blank_share"]
        yield Suspicion(
            "low_quality",
            "blank images",
            min(3 * math.log10(share / BLANK), LARGEST),
            f"{found['blank']} training images ({share:.1%}) are blank",
            ", ".join(found["blank_names"]),
            {"blank": found["blank"], "share": share},
            f"at most {BLANK:.1%}",
            "remove or replace these images",
            exact=share >= MANY_BLANK and found["blank"] >= SURELY_BLANK,
        )


def _plain(found):
    """Returns whether inputs are in one of the plain ranges, which need no statistics."""
    low, high, tolerance = found["train_min"], found["train_max"], 0.02
    if found["train_std"] < NARROWEST and abs(found["train_mean"]) > FAR * found["train_std"]:
        return False  # almost the same value everywhere, which is not 0
    return any(low >= start - tolerance and high <= end + tolerance for start, end in PLAIN_RANGES)


def _channels(found, where):
    constant = found["train_constant_channels"]
    return f"{where}; constant channels: {_list(constant)}" if constant and not found["table"] else where


def _statistics(found):
    names = ("train_mean", "train_std", "train_min", "train_max")
    few = {key: found[key] for key in ("train_channel_mean", "train_channel_std") if len(found[key]) <= 4}
    return {key: found[key] for key in names} | few


def _list(values, limit=8):
    shown = ", ".join(f"{value:.3g}" for value in values[:limit])
    return shown + (", ..." if len(values) > limit else "")


RULES: tuple[Rule, ...] = (unscaled, scaled_twice, wrong_statistics, channel_order, bad_values, blank_images)
