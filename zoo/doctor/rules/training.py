"""Rules about training: the size of steps, the schedule, what moves, and what evaluation makes of it."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from zoo.doctor.evidence import Rule, Suspicion, Values

SURE = 8.0  # score of an exact test
FEW_STEPS = 10  # after which rounding may still hide small changes
LEARNED = 0.8  # of the loss of uniform predictions
SHRUNK = 0.5  # of the size of kernels before training
TINY = 0.05  # initial weights relative to He et al. 2015, with which gradients vanish


def rate(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Where the program's learning rate lies in the range of those with which short runs reach low losses."""
    found, batch = evidence.get("range of rates"), evidence.get("one batch")
    if not found:
        return
    final = {float(factor): value for factor, value in found["final"].items()}
    first, best, own = found["first"], found["best"], found["own"]
    if not math.isfinite(best) or first is None:
        return
    fall = max(first - best, 1e-6)
    missed = 1.0 if not math.isfinite(own) else min(max((own - best) / fall, 0.0), 1.0)  # of the possible fall
    factor = found["best_factor"]
    shown = f"{own:.3g}" if math.isfinite(own) else "infinite"
    lower = [value for each, value in final.items() if each < 1]
    higher = [value for each, value in final.items() if each > 1]
    for cause, wanted, others, word in (
        ("learning_rate_high", factor < 1, lower, "lower"),
        ("learning_rate_low", factor > 1, higher, "higher"),
    ):
        if not wanted or not others:
            continue
        steps = abs(math.log10(factor))
        relative = fall / max(abs(first), 1e-6)  # nothing is learned from a fall that is noise
        score = 4 * steps * missed - 3 if relative > 0.02 else -4.0
        if cause == "learning_rate_low" and batch:
            # With a rate far too low, even one batch is hardly fitted.
            stuck = 1 - min(max((batch["first"] - batch["last"]) / max(abs(batch["first"]), 1e-6), 0), 1)
            score += 2 * (stuck - 0.7)
        yield Suspicion(
            cause,
            f"range of rates, {word}",
            score,
            f"after {found['steps']} steps the loss is {shown}, and {best:.3g} with {factor:g} times the learning rate",
            "the learning rate",
            {"final losses by factor": found["final"], "best factor": factor},
            "a rate within a factor of 10 of the best one in short runs",
            f"multiply the learning rate by about {factor:g}",
            change={"rate": factor},
        )


def course_of_batch(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """The loss of a single batch that is trained on again and again rises."""
    batch = evidence.get("one batch")
    if not batch or "range of rates" in evidence:
        return
    rise = (batch["last"] - batch["first"]) / max(abs(batch["first"]), 1e-6)
    yield Suspicion(
        "learning_rate_high",
        "one batch",
        4.0 if not batch["finite"] else min(2 * rise, 3.0) - 0.5 if rise > 0 else -3.0,
        f"training on one batch of examples changes its loss from {batch['first']:.3g} to {batch['last']:.3g}",
        "the learning rate",
        {"first": batch["first"], "last": batch["last"]},
        "a loss that falls towards its minimum",
        change={"rate": 0.1},
    )


def schedule(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A rate that is next to nothing for most of the run."""
    found = evidence.get("schedule")
    if not found:
        return
    low = found["low"]
    text = f"the learning rate is below 1 % of its peak for {low:.0%} of the run"
    if found["low_before_peak"] > 0.3:
        text += f", and reaches the peak after {found['peak_at']:.0%} of it"
    yield Suspicion(
        "schedule",
        "low rate",
        SURE if found["peak"] <= 0 or found["negative"] else 12 * (low - 0.5),
        text,
        "the schedule",
        {name: found[name] for name in ("low", "peak_at", "mean_of_peak", "last_of_peak")},
        "below 1 % of the peak for less than a third of the run",
        "--set=schedule=... with a length in fractions of the run, or in steps instead of epochs",
        change={"schedule": "constant"},
    )


def frozen(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Parameters that are the same, bit for bit, after all steps of the program's own run and of one on a batch."""
    batch, weights, run = (evidence.get(name) for name in ("one batch", "initial weights", "evaluation"))
    if not batch or not batch["still"] or not run or not run.get("still") or run["steps"] < FEW_STEPS:
        return
    still = [name for name in batch["still"] if name in run["still"]]
    total = len(batch["still"]) + len(batch["moved"])
    signal = evidence.get("activations")
    if (weights and weights["typical_low"] < TINY) or (signal and signal["no_signal"]):
        return  # gradients that vanish on the way are zero as well
    zero = {kernel["name"] for kernel in weights["kernels"] if kernel["zero"]} if weights else set()
    if not still or (weights and zero and batch["moved"] and len(zero) > len(weights["kernels"]) // 2):
        return
    yield Suspicion(
        "frozen_parameters",
        "still",
        SURE,
        f"{len(still)} of {total} parameters do not change in training, such as {still[0]}",
        ", ".join(still[:4]),
        {"parameters": still[:20]},
        "all parameters change, except those of layers that are meant to be frozen",
        exact=True,
        fatal=True,
    )


def evaluated_parameters(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Predictions that training does not change at all."""
    found, batch = evidence.get("evaluation"), evidence.get("one batch")
    if not found or not found["unchanged"] or (batch and not batch["moved"] and batch["still"]):
        return
    yield Suspicion(
        "evaluation_parameters",
        "unchanged predictions",
        SURE,
        f"after {found['steps']} training steps, evaluation returns exactly the outputs of the initial parameters",
        "evaluation",
        {"steps": found["steps"]},
        "outputs that change",
        exact=True,
        fatal=True,
    )


def evaluation_mode(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss of training examples that is far higher as evaluation computes it than as training does."""
    found, signal, batch = (evidence.get(name) for name in ("evaluation", "activations", "one batch"))
    if not found or "evaluation_loss" not in found:
        return
    training, evaluation = found["training_loss"], found["evaluation_loss"]
    if not (math.isfinite(training) and math.isfinite(evaluation)):
        return
    uniform = math.log(max(len(found["recall"]), 2))
    if training > LEARNED * uniform:
        return  # nothing was learned yet that evaluation could lose
    excess = (evaluation - training) / (uniform - training)  # 1 where evaluation is no better than uniform predictions
    layers = [layer["name"] for layer in signal["layers"]] if signal else []
    names = " ".join([*layers, *batch["moved"], *batch["still"]] if batch else layers).lower()
    normalized = any(word in names for word in ("bn", "norm", "batch"))
    yield Suspicion(
        "batch_norm_misuse" if normalized else "evaluation_parameters",
        "evaluation of a training batch",
        8 * (excess - 0.7) - (3 if evidence.get("preparation", {}).get("random") else 0),  # other images, if augmented
        f"the same training examples have a loss of {training:.3g} in training and {evaluation:.3g} in evaluation",
        "layers with running statistics" if normalized else "evaluation",
        {"training": training, "evaluation": evaluation},
        "about the same loss",
    )


def rare_classes(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Classes that are rare in training and never predicted."""
    found, labels = evidence.get("evaluation"), evidence.get("labels")
    counts = np.asarray((labels or {}).get("train_counts") or (), float)
    present = counts[counts > 0]  # classes without any training example are a matter of the split
    if not found or not len(present) or present.max() < 10 * present.min():
        return
    recall = [found["recall"][each] if each < len(found["recall"]) else None for each in range(len(counts))]
    common = [
        value for value, count in zip(recall, counts, strict=True) if value is not None and count >= counts.max() / 3
    ]
    rare = [
        value
        for value, count in zip(recall, counts, strict=True)
        if value is not None and 0 < count < counts.max() / 10
    ]
    if not rare or not common:
        return
    gap = float(np.mean(common) - np.mean(rare))
    yield Suspicion(
        "class_imbalance",
        "recall of rare classes",
        10 * (gap - 0.3),
        f"the commonest class has {present.max() / present.min():.0f} times as many examples as the rarest;"
        f" recall is {np.mean(common):.0%} for common and {np.mean(rare):.0%} for rare classes",
        "the classes",
        {"recall of common classes": float(np.mean(common)), "recall of rare classes": float(np.mean(rare))},
        "recall of rare classes within 30 percentage points of that of common ones",
    )


def decayed(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Kernels that are far smaller after training than before it."""
    ratio = evidence.get("evaluation", {}).get("kernels_shrink_to")
    if ratio is None or ratio > SHRUNK:
        return
    yield Suspicion(
        "regularization_strong",
        "kernels that shrink",
        min(3 * math.log2(SHRUNK / max(ratio, 1e-9)) - 1, SURE),
        f"half of the kernels shrink to {ratio:.2g} of their size or less in training",
        "weight decay",
        {"ratio": ratio},
        f"more than {SHRUNK:g} of their size",
        change={"regularization": False},
    )


def small_batches(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Batches of a few examples."""
    size = evidence.get("order", {}).get("batch")
    if not size or size > 4:
        return
    yield Suspicion(
        "batch_size",
        "size of batches",
        1.0 if size < 3 else -1.0,
        f"batches have {size} examples",
        "the training loader",
        {"batch": size},
        "16 to 512 examples",
        change={"batch_size": 64},
    )


RULES: tuple[Rule, ...] = (
    decayed,
    small_batches,
    rate,
    course_of_batch,
    schedule,
    frozen,
    evaluated_parameters,
    evaluation_mode,
    rare_classes,
)
