"""Rules, given the values of measurements: which cause they name, and in which direction the score goes."""

import pytest

from zoo.doctor.likelihood import confidence
from zoo.doctor.rules import data, generalization, suspicions, training

IMAGES = {"curve_gap": 0.0, "random": False, "random_declared": False, "delivered_plain": True}
TABLE = {"random": False, "random_declared": False, "delivered_plain": True}


def run(gap, **values):
    return {"whole": True, "train_accuracy": 0.95, "eval_accuracy": 0.95 - gap, **values}


def memorized(gap, preparation, parameters=10_000):
    labels = {"examples": 1_000, "spread": True, "train_distinct": 10}
    weights = {"parameters": parameters}
    found = {"evaluation": run(gap), "preparation": preparation, "labels": labels, "initial weights": weights}
    (one,) = generalization.memorized(found)
    return one


@pytest.mark.parametrize(
    ("preparation", "parameters", "cause"),
    [
        (IMAGES, 10_000_000, "augmentation_missing"),
        (IMAGES | {"random": True}, 10_000_000, "capacity_too_large"),
        (IMAGES | {"random_declared": True}, 10_000, "regularization_weak"),
        (IMAGES | {"delivered_plain": False}, 10_000, "regularization_weak"),  # the loader may augment
        (TABLE, 10_000_000, "capacity_too_large"),
        (TABLE, 10_000, "regularization_weak"),
        ({}, 10_000, "regularization_weak"),
    ],
)
def test_memorized(preparation, parameters, cause):
    """One cause is named for a gap, by what the program lacks; without a gap it is improbable."""
    assert memorized(0.5, preparation, parameters).cause == cause
    assert confidence(memorized(0.5, preparation, parameters)) > 0.5
    assert confidence(memorized(0.1, preparation, parameters)) < 0.2


def test_memorized_needs_a_whole_run():
    assert not list(generalization.memorized({"evaluation": run(0.5, whole=False)}))


@pytest.mark.parametrize(("examples", "likely"), [(30, True), (55, True), (90, False)])
def test_few_examples_are_the_likelier_cause_if_they_are_memorized(examples, likely):
    labels = {"examples": examples, "spread": True, "train_distinct": 2}
    (alone,) = data.too_little_data({"labels": labels})
    (kept,) = data.too_little_data({"labels": labels, "evaluation": run(0.0)})
    (memorized,) = data.too_little_data({"labels": labels, "evaluation": run(0.25)})
    assert confidence(alone) == confidence(kept) < confidence(memorized)
    assert (confidence(memorized) > 0.5) == likely


@pytest.mark.parametrize(("ratio", "named"), [(None, False), (1.3, False), (0.6, False), (0.2, True), (1e-8, True)])
def test_kernels_that_shrink(ratio, named):
    found = list(training.decayed({"evaluation": {"kernels_shrink_to": ratio}}))
    assert [each.cause for each in found] == ["regularization_strong"] * named
    assert all(each.change == {"regularization": False} and each.score > 1 for each in found)


@pytest.mark.parametrize(
    ("counts", "recall", "found"),
    [
        ([1000, 1000, 20], [0.9, 0.9, 0.1], True),
        ([1000, 1000, 0], [0.9, 0.9, 0.0], False),  # absent from training: another cause
        ([1000, 1000, 500], [0.9, 0.9, 0.1], False),
        ([1000, 1000, 20], [0.9, 0.9, None], False),
        ([], [0.9, 0.9, 0.1], False),
    ],
)
def test_rare_classes(counts, recall, found):
    suspicions = list(
        training.rare_classes({"evaluation": run(0.0, recall=recall), "labels": {"train_counts": counts}})
    )
    assert [each.cause for each in suspicions] == ["class_imbalance"] * found
    assert all("50 times" in each.summary and each.score > 1 for each in suspicions)


def test_no_evidence_points_to_nothing():
    assert not list(suspicions({}))
