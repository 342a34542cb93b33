"""Rules about what training and evaluation do to images before the network receives them."""

import math
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values

LARGEST = 8.0  # score
LEAST = -3.0  # score that is worth mentioning
GAP = 0.3  # of the colours' range, between training and evaluation; a median of strong jitter differs by 0.1
ROUNDING = 0.02  # of the range, which rounding and resampling may change
OUTSIDE = 0.2  # share of training's values outside evaluation's range
SHIFT = 0.75  # standard deviations; zeros around cropped images give 0.3
DOUBLED = 1.0  # binary logarithm of a ratio of standard deviations
CONTENT = 0.1  # root mean square difference of inputs of the same image, in standard deviations
TURNED = 0.1  # gain of correlation; Fashion-MNIST upside down gives 0.2, and flips in training 0.02
RETAINED = 0.5  # part of the accuracy above chance that is left after fitting to augmented images
VISIBLE = 0.1  # accuracy above chance, from which augmentation can be judged
SAME = "use one preprocessing for training and evaluation, apart from augmentation"


def key_reused(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Augmentation that is meant to be random, and is not."""
    found = evidence.get("preparation")
    if not found:
        return
    remedy = "derive a new key for each image and step: jax.random.fold_in(key, step), then jax.random.split(key, n)"
    if found["random_declared"] and not found["random"]:
        yield Suspicion(
            "augmentation_key_reused",
            "augmentation with two seeds",
            # Augmentation that the loader already did is not seen here.
            LARGEST if found["delivered_plain"] else -1.0,
            "training has random transforms, but two seeds give exactly the same inputs",
            "the random keys of the augmentation",
            {"random": False},
            "other inputs with another seed",
            remedy,
            exact=found["delivered_plain"],
            change={"augmentation": False},
        )
    elif found.get("same_in_batch"):
        yield Suspicion(
            "augmentation_key_reused",
            "augmentation within a batch",
            3.0,
            "copies of an image are augmented in the same way within a batch",
            "the random keys of the augmentation",
            {"same in batch": True},
            "another key for each image",
            remedy,
            change={"augmentation": False},
        )


def random_evaluation(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Evaluation inputs that differ between two evaluations."""
    same, loaded = evidence.get("preparation", {}), evidence.get("inputs", {})
    for share, where in (
        (same.get("eval_differs", 0.0), "evaluation's transforms"),
        (loaded.get("eval_differs_again", 0.0), "the evaluation loader"),
    ):
        if share:
            yield Suspicion(
                "augmentation_on_evaluation",
                "evaluation inputs twice",
                LARGEST,
                f"{share:.0%} of the evaluation images reach the network with other values when evaluated again",
                where,
                {"share": share},
                "the same values each time",
                "leave random transforms out of evaluation: --set='augmentation.eval=(Normalize(),)'",
                exact=True,
            )


def other_values(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """The same images with other values in training than in evaluation."""
    found = evidence.get("preparation")
    if not found:
        return
    gap, outside = found.get("curve_gap", 0.0), found["outside"]
    plain = found.get("curve_gap_plain")
    shift = 3 * math.log2(max(gap, 1e-6) / GAP)
    beyond = 3 * math.log2(max(outside, 1e-6) / OUTSIDE)
    numbers = (
        "curve_gap",
        "curve_gap_plain",
        "outside",
        "train_min",
        "train_max",
        "eval_min",
        "eval_max",
        "mean_shift",
    )
    values = {key: found[key] for key in numbers if key in found}
    text = (
        f"the same images have values from {found['train_min']:.3g} to {found['train_max']:.3g} in training and from"
        f" {found['eval_min']:.3g} to {found['eval_max']:.3g} in evaluation"
    )
    # Without augmentation the difference is gone, or augmentation is not to blame.
    by_augmentation = plain is not None and plain < gap / 3
    score = max(shift, beyond)
    if found["random"] and not (plain is not None and not by_augmentation) and score > LEAST:
        yield Suspicion(
            "augmentation_range",
            "range of augmented images",
            min(score if by_augmentation else score - 1, LARGEST),
            text,
            "the augmentation",
            values,
            "the same range of values in both",
            "augment images in the range that the transforms are made for, and normalize last",
            change={"augmentation": False},
        )
    if not by_augmentation and shift > LEAST:
        certain = gap > ROUNDING and not found["random"]
        yield Suspicion(
            "evaluation_preprocessing",
            "colours in training and evaluation",
            min(shift, LARGEST),
            f"{text}: the same colour differs by {gap:.2g} of its range",
            "the preprocessing of evaluation",
            values,
            f"a difference of at most {ROUNDING}, or {GAP / 2:.2g} with random colours",
            SAME,
            exact=certain,
        )


def other_content(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """The same images turned, or cut otherwise, in training than in evaluation."""
    found = evidence.get("preparation")
    if not found:
        return
    gain = found.get("orientation_gain", 0.0)
    turned = 20 * (gain - TURNED)
    different = 3 * math.log2(max(found.get("difference_rms", 0.0), 1e-6) / CONTENT)
    if turned > LEAST and gain > 0:
        yield Suspicion(
            "evaluation_preprocessing",
            "orientation of evaluation images",
            min(turned, LARGEST),
            f"evaluation images agree better with training's {found['orientation']} than as they are: the correlation"
            f" rises by {gain:.2f}",
            "the preprocessing of evaluation",
            {"orientation": found["orientation"], "gain": gain},
            "the same orientation",
            SAME,
        )
    if different > LEAST and found.get("curve_gap", 0.0) <= ROUNDING:
        yield Suspicion(
            "evaluation_preprocessing",
            "inputs of the same images",
            min(different, LARGEST),
            f"training is not random, but the same image differs by {found['difference_rms']:.2g} standard deviations"
            " between training and evaluation",
            "the preprocessing of evaluation",
            {"difference": found["difference"], "root mean square": found["difference_rms"]},
            f"at most {CONTENT / 2:g}, by resampling",
            SAME,
        )


def other_distribution(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Evaluation inputs with another distribution than training's."""
    found = evidence.get("inputs")
    if not found or "shift" not in found:
        return
    shift, ratio = found["shift"], found["log_ratio"]
    score = max(4 * (min(shift, 5) - SHIFT), 4 * (min(abs(ratio), 5) - DOUBLED))
    if score > LEAST:
        yield Suspicion(
            "evaluation_preprocessing",
            "distribution of inputs",
            min(score, LARGEST),
            f"between training and evaluation inputs, a channel's mean differs by {shift:.2g} standard deviations, and"
            f" the standard deviation by a factor of {2**ratio:.2g}",
            "the evaluation loader",
            {key: found[key] for key in ("shift", "log_ratio", "train_mean", "train_std", "eval_mean", "eval_std")},
            f"a shift of at most {SHIFT / 2:.1g}, and a factor from 0.7 to 1.4",
            SAME,
        )


def too_strong(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Augmented images from which plain ones cannot be learned."""
    found = evidence.get("augmented")
    if not found or "plain" not in found:
        return
    above = found["plain"] - found["chance"]
    if above < VISIBLE:
        return
    # If evaluation is prepared otherwise, plain images cannot be recognized, but augmented ones still can.
    best = max(found["to_plain"], found["augmented"])
    retained = (best - found["chance"]) / above
    score = 10 * (RETAINED - retained)
    if score > LEAST:
        yield Suspicion(
            "augmentation_too_strong",
            "probe of augmented images",
            min(score, LARGEST),
            f"a probe fitted to augmented images has an accuracy of {best:.3f}; fitted to plain ones,"
            f" {found['plain']:.3f}",
            "the augmentation",
            {key: found[key] for key in ("plain", "augmented", "to_plain", "to_augmented", "chance")},
            f"at least {RETAINED:.0%} of the accuracy above chance",
            "weaken the augmentation: --set='augmentation.train=(HorizontalFlip(), Normalize())'",
            change={"augmentation": False},
        )


RULES: tuple[Rule, ...] = (
    key_reused,
    random_evaluation,
    other_values,
    other_content,
    other_distribution,
    too_strong,
)
