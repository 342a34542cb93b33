"""Rules about networks that predict their training examples far better than others."""

from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values
from zoo.doctor.rules.data import training_examples

GAP = 0.3  # between the accuracies on training examples and on others
LARGE = 100  # parameters for each training example


def memorized(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Training examples that are predicted far better than others at the end of the run.

    One cause is named, by what the program lacks: images that are not augmented; else a network that is large for its
    examples; else regularization.
    """
    found = evidence.get("evaluation")
    if not found or not found["whole"]:
        return
    gap = found["train_accuracy"] - found["eval_accuracy"]
    accuracies = {name: found[name] for name in ("train_accuracy", "eval_accuracy")}
    cause, where, more = _lacking(evidence)
    yield Suspicion(
        cause,
        "gap of accuracies",
        12 * (gap - GAP),
        f"accuracy is {accuracies['train_accuracy']:.1%} on training examples, {accuracies['eval_accuracy']:.1%} on"
        f" others{more}",
        where,
        accuracies,
        "less than 20 percentage points apart",
    )


def _lacking(evidence):
    """Returns the cause of a gap, where to look, and the words that say so."""
    prepared = evidence.get("preparation", {})
    augmented = prepared.get("random") or prepared.get("random_declared") or not prepared.get("delivered_plain")
    if "curve_gap" in prepared and not augmented:  # made of images only
        return "augmentation_missing", "the augmentation", "; images are not augmented"
    total, parameters = training_examples(evidence), evidence.get("initial weights", {}).get("parameters")
    if total and parameters and parameters > LARGE * total:
        words = f"; the network has {parameters:,} parameters for {total:,} training examples"
        return "capacity_too_large", "the layers", words
    return "regularization_weak", "regularization and augmentation", ""


RULES: tuple[Rule, ...] = (memorized,)
