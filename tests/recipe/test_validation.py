"""Tests that incompatible parts of a recipe are reported in one line."""

import pytest
from examples import tabular

from zoo.errors import ZooError
from zoo.recipe import *


@pytest.fixture(scope="module")
def plain(recipe):
    """A recipe with 12 steps of 16 images, and an evaluation after every third."""
    return recipe.override({"initialization": Initialization(), "schedule": ConstantRate(0.05)})


def test_patience_of_as_many_evaluations_as_the_run_is_rejected(plain):
    with pytest.raises(ZooError, match="early_stopping.patience is 4, but the run has 4 evaluations"):
        plain.override({"early_stopping": EarlyStopping(patience=4)})
    with pytest.raises(ZooError, match="schedule.patience is 4, but the run has 4 evaluations"):
        plain.override({"schedule": ReduceOnPlateau(0.1, patience=4)})
    long = {"budget.steps": None, "budget.epochs": 90.0, "budget.evaluate_every": 0.1}
    plain.override({**long, "early_stopping": EarlyStopping(patience=9)})
    with pytest.raises(ZooError, match="patience is 10, but the run has 10"):
        plain.override({**long, "early_stopping": EarlyStopping(patience=10)})


def test_with_validation_the_last_evaluation_does_not_count_for_a_plateau(plain):
    three = {"schedule": ReduceOnPlateau(0.1, patience=3)}
    plain.override(three)
    with pytest.raises(ZooError, match="schedule.patience is 3, but the run has 3 evaluations"):
        plain.override({**three, "data.validation": 0.1})
    plain.override({**three, "data.validation": 0.1, "early_stopping": EarlyStopping("top1", patience=3)})


def test_early_stopping_before_the_rate_is_reduced_is_rejected(plain):
    plateau = {"schedule": ReduceOnPlateau(0.1, patience=2)}
    with pytest.raises(ZooError, match="early_stopping.patience is 2 and schedule.patience is 2, both for loss"):
        plain.override({**plateau, "early_stopping": EarlyStopping(patience=2)})
    plain.override({**plateau, "early_stopping": EarlyStopping(patience=3)})
    plain.override({**plateau, "early_stopping": EarlyStopping("top1", patience=2)})
    with pytest.raises(ZooError, match="both for loss"):
        plain.override({**plateau, "early_stopping": EarlyStopping(patience=2, minimum_change=0.1)})
    # A change may count as an improvement for early stopping, but not for the schedule.
    demanding = {"schedule": ReduceOnPlateau(0.1, patience=2, minimum_change=0.1)}
    plain.override({**demanding, "early_stopping": EarlyStopping(patience=2)})


@pytest.mark.parametrize("loss", [Focal(), GeneralizedCrossEntropy()])
def test_losses_for_hard_labels_reject_soft_labels(plain, loss):
    with pytest.raises(ZooError, match="requires hard labels: set regularization.label_smoothing=0"):
        plain.override({"loss": loss, "regularization.label_smoothing": 0.1})
    for mixing in (Mixup(0.2), CutMix(1.0)):
        with pytest.raises(ZooError, match="requires hard labels: set augmentation.mixing=None"):
            plain.override({"loss": loss, "augmentation.mixing": mixing})
    assert plain.override({"loss": loss, "imbalance": ClassWeights()}).loss == loss


def test_parts_for_features_and_for_images_are_incompatible(plain):
    for name, part in (("data.missing", ImputeMean()), ("data.outliers", Trim()), ("imbalance", SMOTE())):
        with pytest.raises(ZooError, match=f"is for feature vectors, and .* for images: set {name}=None"):
            plain.override({name: part})
        tabular(**{name.replace(".", "__"): part})
    with pytest.raises(ZooError, match="augmentation must be Normalize\\(\\) alone, without transforms"):
        tabular(augmentation__train=(HorizontalFlip(), Normalize()))
    for mixing in (CutMix(1.0), OneOf((Mixup(0.2), CutMix(1.0)))):
        with pytest.raises(ZooError, match="CutMix is for images, not feature vectors"):
            tabular(augmentation__mixing=mixing)
    assert tabular(augmentation__mixing=Mixup(0.2), imbalance=SMOTE()).augmentation.mixing == Mixup(0.2)


def test_unknown_metrics_are_rejected():
    for part in (EarlyStopping, lambda metric: ReduceOnPlateau(0.1, metric=metric), lambda metric: Target(0.5, metric)):
        with pytest.raises(ZooError, match="metric must be one of loss, top1, top5, balanced_accuracy, not 'val_loss'"):
            part("val_loss")
