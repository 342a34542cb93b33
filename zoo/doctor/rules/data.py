"""Rules about the examples as a set: their number, their order, and how they are split.

Scores are about logarithms of odds before they are learned: 0 where a fault and a healthy practice are equally likely.
"""

import math
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values
from zoo.doctor.session import MAX_EXAMPLES

LARGEST = 8.0  # score
LEAST = -3.0  # score that is worth mentioning
FEW, FEW_PER_CLASS = 50, 10  # examples
MEMORIZED = 4.0  # score for a gap of 1 between the accuracies on training examples and on others
SORTED = 5.0  # standard deviations that runs of labels are too few
LIKELY_PAIRS, SURE_PAIRS = 2, 3  # exact duplicates across splits: as likely a fault as not; no chance among 2,000
NEAR_SHARE = 0.05  # of almost equal examples: CIFAR-10 has 3.3 % (Barz and Denzler 2020)
SPLIT_DISTANCE, SPLIT_P = 0.2, 1e-4


def leakage(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Evaluation examples that are in training too."""
    found = evidence.get("duplicates")
    if not found or "exact" not in found:
        return
    # Rows of a table with few distinct values are equal by chance: as often as within training.
    count = found["exact"] - (2 * found["within_share"] * found["eval"] if found["table"] else 0)
    exact = 3 * math.log10(max(count, 1e-6) / LIKELY_PAIRS)
    near = 3 * math.log10(max(found["near_share"], 1e-6) / NEAR_SHARE)
    score, number, what = max((exact, found["exact"], "equal to"), (near, found["near"], "almost equal to"))
    if score > LEAST:
        yield Suspicion(
            "leakage",
            "duplicates across splits",
            min(score, LARGEST),
            f"{number} of {found['eval']:,} evaluation examples are {what} one of {found['train']:,} training examples",
            "; ".join(f"{one} = {other}" for one, other in found["pairs"][:5]),
            {key: found[key] for key in ("exact", "exact_share", "near", "near_share", "within_share")},
            "none, or as few as within training",
            "remove these examples from training, and split before oversampling and augmentation",
            exact=count >= SURE_PAIRS,
        )


def bad_split(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Splits with different classes, or different proportions of them."""
    found = evidence.get("labels")
    if not found or "proportions_p" not in found:
        return
    order = evidence.get("order", {})
    if not found["spread"] and (order.get("later") or order.get("runs_z", 0.0) < -SORTED or order.get("distinct") == 1):
        return  # the first examples by class say nothing about the split
    distance, lacking = found["proportions_distance"], found["only_eval_share"] + found["only_train_share"]
    score = 20 * (distance - SPLIT_DISTANCE) if found["proportions_p"] < SPLIT_P else LEAST
    # A sampler that balances the classes of training is healthy, and delivers other proportions than the data has.
    score -= 0 if found["spread"] else 4
    if lacking:
        score = max(score, 1 + 20 * lacking)
    if score > LEAST:
        missing = (("training", found["only_eval"]), ("evaluation", found["only_train"]))
        where = [f"classes {_list(classes)} are missing in {split}" for split, classes in missing if classes]
        yield Suspicion(
            "bad_split",
            "classes of the splits",
            min(score, LARGEST),
            where[0]
            if where
            else f"{distance:.0%} of the evaluation examples would need another class for training's shares",
            "; ".join(where) or None,
            {"distance": distance, "p": found["proportions_p"], "only in evaluation": found["only_eval"]},
            "the same classes in the same proportions",
            "split at random, stratified by class: train_test_split(..., stratify=labels)",
        )


def unshuffled(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Examples that come by class, or in the same order in each epoch."""
    found = evidence.get("order")
    if not found:
        return
    remedy = "shuffle in each epoch: DataLoader(..., shuffle=True), or dataset.shuffle(len(dataset))"
    score = (-found.get("runs_z", 0.0) - SORTED) / 1.5
    text = (
        f"labels come in {found.get('runs', 0):.0f} runs; random order would give {found.get('runs_expected', 0):.0f}"
    )
    labels = evidence.get("labels")
    absent = found.get("later") or (found.get("absent", []) if labels and labels["spread"] else [])
    if absent:
        score = max(score, 2.0 + len(absent))
        text += f", and the first {found['delivered']:,} examples lack the classes {_list(absent)}"
    elif found.get("distinct") == 1:
        score = max(score, 3.0)
        text = f"the first {found['delivered']:,} examples are all of one class"
    if score > LEAST:
        numbers = ("runs", "runs_expected", "runs_z", "entropy_ratio", "first_classes", "absent")
        yield Suspicion(
            "unshuffled",
            "runs of labels",
            min(score, LARGEST),
            text,
            "the training loader",
            {key: found[key] for key in numbers if key in found},
            "as many runs as in random order, within 4 standard deviations",
            remedy,
            change={"shuffle": True},
        )
    if found["same_order"]:
        yield Suspicion(
            "unshuffled",
            "same order in each epoch",
            1.0,
            "two epochs begin with the same examples in the same order",
            "the training loader",
            {"same order": True},
            "another order in each epoch",
            remedy,
            change={"shuffle": True},
        )


def too_little_data(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Fewer examples than anything can be concluded from; more clearly so if they are memorized."""
    labels, total = evidence.get("labels"), training_examples(evidence)
    if not labels or not total:
        return
    each = total / max(labels["train_distinct"], 1)
    score = 2 * math.log2(max(FEW / total, FEW_PER_CLASS / each))
    if run := evidence.get("evaluation"):  # a gap in a part of a run only grows until its end
        score += MEMORIZED * max(run["train_accuracy"] - run["eval_accuracy"], 0.0)
    if score > LEAST:
        curve = evidence.get("pairing", {}).get("curve")
        yield Suspicion(
            "too_little_data",
            "number of examples",
            min(score, LARGEST),
            f"there are {total} training examples of {labels['train_distinct']} classes, {each:.0f} of each",
            "the training split",
            {"examples": total, "each class": each} | ({"accuracy by examples": curve} if curve else {}),
            f"more than {FEW} examples, and more than {FEW_PER_CLASS} of each class",
        )


def training_examples(evidence: Mapping[str, Values]) -> int | None:
    """Returns the number of training examples; None if it is not known."""
    labels, order = evidence.get("labels"), evidence.get("order", {})
    if not labels or not labels["examples"]:
        return None
    return labels["examples"] if labels["spread"] and labels["examples"] < MAX_EXAMPLES else order.get("epoch")


def _list(values, limit=8):
    shown = ", ".join(f"{value}" for value in values[:limit])
    return shown + (", ..." if len(values) > limit else "")


RULES: tuple[Rule, ...] = (leakage, bad_split, unshuffled, too_little_data)
