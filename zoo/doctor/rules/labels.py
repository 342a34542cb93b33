"""Rules about the labels: their encoding, whether they belong to the inputs, and how many are wrong."""

import math
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values

LARGEST = 8.0  # score
LEAST = -3.0  # score that is worth mentioning
USEFUL = 0.2  # part of the accuracy above chance that the weakest useful dependence would give a probe
SEEN = 6.0  # standard errors above chance at which a dependence is beyond doubt
LOST = 0.6  # part of the accuracy above chance that is lost in evaluation, as likely by a fault as not
WRONG = 0.025  # lower limit of the share of wrong labels; clean Imagenette gives up to 0.02, other data 0
IMBALANCED = 10.0  # ratio of the commonest to the rarest class
INTEGERS = "integers from 0 to K - 1, or one-hot rows if the loss takes these"
ENCODE = "labels = np.unique(labels, return_inverse=True)[1] of both splits together"


def encoding(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Labels that are no class numbers and no one-hot rows."""
    found = evidence.get("labels")
    if not found:
        return
    for split, name in (("training", "train"), ("evaluation", "eval")):
        text, exact, score = _encoding(found, name)
        if text:
            yield Suspicion(
                "label_encoding",
                "encoding of labels",
                score,
                f"{split} labels {text}",
                f"{split} labels",
                {key: found[f"{name}_{key}"] for key in ("dtype", "minimum", "maximum", "outside", "width")},
                INTEGERS,
                ENCODE,
                exact=exact,
                fatal=exact and not found[f"{name}_bad_rows"],
            )


def _encoding(found, name):
    """Returns what is wrong with the labels of a split, whether that is certain, and a score."""
    get = lambda key: found[f"{name}_{key}"]  # noqa: E731  # of this split
    low, high, classes = get("minimum"), get("maximum"), found["classes"]
    if get("not_finite"):
        return f"are NaN or infinite in {get('not_finite'):.2%} of cases", True, LARGEST
    if get("width") > 1:
        if get("bad_rows"):
            return f"are rows whose sum is not 1 in {get('bad_rows'):.1%} of cases", True, LARGEST
        if found["classes_told"] and get("width") != classes:
            return f"are rows of {get('width')} for {classes} classes", True, LARGEST
        return "", False, 0.0
    if not get("integers"):
        return f"are not integers, but from {low:.3g} to {high:.3g}", True, LARGEST
    if (low, high) == (-1, 1) and get("distinct") == 2:
        return "are -1 and 1, which suits a hinge loss only", False, 2.0
    if get("out_of_range"):
        numbers = ", ".join(f"{label:g}" for label in get("outside")[:8])
        share = get("out_of_range")
        return f"are outside of 0 to {classes - 1} in {share:.1%} of cases, such as {numbers}", True, LARGEST
    if not found["classes_told"] and low == 1 and found["train_minimum"] == found["eval_minimum"] == 1:
        return f"are from 1 to {high:g}: class 0 has no examples", False, 0.0
    return "", False, 0.0


def independent(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Labels that nothing in the inputs predicts, in training or only in evaluation."""
    found = evidence.get("pairing")
    if not found or "train_z" not in found:
        return
    remedy = "check that images and labels are read, sorted and shuffled in the same order"
    if (score := _independence(found, "train")) > LEAST:
        yield Suspicion(
            "labels_independent",
            "probe of training labels",
            min(score, LARGEST),
            f"a probe predicts held-out labels with accuracy {found['train_accuracy']:.3f}; with the labels permuted"
            f" it is {found['train_chance']:.3f} ± {found['train_chance_std']:.3f}",
            "the pairing of inputs and labels",
            _numbers(found, "train_"),
            "an accuracy above that of permuted labels",
            remedy,
            fatal=True,
        )
    if found["train_z"] < SEEN or "transfer" not in found or "eval_z" not in found:
        return
    if (score := _independence(found, "eval")) > LEAST and found["transfer_z"] < 3:
        yield Suspicion(
            "labels_independent",
            "probe of evaluation labels",
            min(score, LARGEST),
            f"a probe predicts held-out training labels with accuracy {found['train_accuracy']:.3f}, but evaluation"
            f" labels with {found['transfer']:.3f}, where chance is {found['transfer_chance']:.3f}",
            "the pairing of evaluation inputs and labels",
            _numbers(found, ("eval_", "transfer")),
            "about the same accuracy in both splits",
            remedy,
        )


def _independence(found, name):
    """Returns a score: how surely a useful dependence would have been seen."""
    expected = USEFUL * (1 - found[f"{name}_chance"]) / found[f"{name}_chance_std"]
    if found[f"{name}_z"] >= 3:
        return -math.inf
    return expected - 1.5 * max(found[f"{name}_z"], 0.0) - 2.5


def numbered_otherwise(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Classes of evaluation that have other numbers than in training."""
    found = evidence.get("pairing")
    if not found or found.get("train_z", 0) < SEEN or "transfer" not in found or not found["matching"]:
        return
    gain = found["transfer_matched"] - found["transfer"]
    usual = max(found["train_accuracy"] - found["train_chance"], 1e-3)
    score = 10 * (gain / usual - LOST)
    if score > LEAST:
        pairs = [f"{one} is {other}" for one, other in list(found["matching"].items())[:8]]
        yield Suspicion(
            "label_encoding",
            "numbers of classes",
            min(score, LARGEST),
            f"a probe's accuracy on evaluation rises from {found['transfer']:.3f} to {found['transfer_matched']:.3f} if"
            " the classes are numbered otherwise than in training",
            f"evaluation labels: {', '.join(pairs)}",
            _numbers(found, "transfer"),
            "the same numbers of classes in both splits",
            "use one table of class names for both splits",
        )


def otherwise_prepared(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Evaluation inputs that a probe of training inputs does not recognize, though their labels can be predicted."""
    found = evidence.get("pairing")
    if not found or "transfer" not in found or min(found.get("train_z", 0), found.get("eval_z", 0)) < SEEN:
        return
    usual = min(found["train_accuracy"] - found["train_chance"], found["eval_accuracy"] - found["eval_chance"])
    lost = 1 - (found["transfer_matched"] - found["transfer_chance"]) / max(usual, 1e-3)
    score = 8 * (lost - LOST)
    if score > LEAST:
        yield Suspicion(
            "evaluation_preprocessing",
            "probe across splits",
            min(score, LARGEST),
            f"a probe of training inputs has an accuracy of {found['transfer']:.3f} on evaluation inputs, though it is"
            f" {found['train_accuracy']:.3f} within training and {found['eval_accuracy']:.3f} within evaluation",
            "the evaluation loader",
            _numbers(found, ("train_accuracy", "eval_accuracy", "transfer")),
            "about the same accuracy across the splits as within them",
        )


def noise(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A share of labels among classes that the inputs exclude."""
    found = evidence.get("label noise")
    # Labels that nothing predicts are another matter, and no share of them can be told.
    if not found or "share" not in found or evidence.get("pairing", {}).get("train_z", SEEN) < SEEN:
        return
    # Random crops of images may show nothing of what their labels say.
    score = 60 * (found["share_low"] - WRONG) - (0 if found["plain"] else 3)
    if found["share_low"]:
        some = [f"{name} ({given}, probably {likely})" for name, given, likely, _ in found["list"][:8]]
        yield Suspicion(
            "label_noise",
            "share of wrong labels",
            min(score, LARGEST),
            f"about {found['share']:.0%} of the training labels are wrong, at least {found['share_low']:.0%}",
            "; ".join(some),
            {key: found[key] for key in ("share", "share_low", "likelihood_ratio", "accuracy")},
            "at most 4 %",
            "correct or remove the examples named, or smooth labels: --set='regularization.label_smoothing=0.1'",
        )


def imbalance(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Classes of very different frequency, which alone is no fault."""
    found = evidence.get("labels")
    if found and found["ratio"] > IMBALANCED:
        yield Suspicion(
            "class_imbalance",
            "ratio of classes",
            min(math.log10(found["ratio"]) - 3, -0.5),
            f"the commonest class has {found['ratio']:.0f} times as many training examples as the rarest",
            f"classes {', '.join(map(str, found['rarest'][:8]))}: {found['rarest_count']} examples in the sample",
            {"ratio": found["ratio"]},
            "any ratio, if the rare classes are predicted",
        )


def _numbers(found, prefixes):
    return {key: value for key, value in found.items() if key.startswith(prefixes) and key != "matching"}


RULES: tuple[Rule, ...] = (encoding, independent, numbered_otherwise, otherwise_prepared, noise, imbalance)
