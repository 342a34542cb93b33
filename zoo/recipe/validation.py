"""Validation of a recipe as a whole: combinations of parts that are valid by themselves."""

import itertools

from zoo.errors import ZooError
from zoo.recipe.augmentation import Augmentation, CutMix, Normalization, Normalize, OneOf, PixelMean
from zoo.recipe.budget import Budget
from zoo.recipe.data import Data
from zoo.recipe.early_stopping import EarlyStopping, ReduceOnPlateau
from zoo.recipe.features import FeatureNormalization
from zoo.recipe.imbalance import SMOTE, Imbalance
from zoo.recipe.loss import Loss
from zoo.recipe.regularization import Regularization
from zoo.recipe.schedule import Schedule
from zoo.recipe.target import Target


def check_together(
    *,
    augmentation: Augmentation,
    budget: Budget,
    data: Data,
    early_stopping: EarlyStopping | None,
    imbalance: Imbalance | None,
    loss: Loss,
    normalization: Normalization,
    regularization: Regularization,
    schedule: Schedule,
    target: Target | None,
) -> None:
    """Checks that the parts of a recipe are compatible with each other.

    Raises:
      ZooError: two parts are incompatible; the message is about the first such pair.
    """
    _check_kind(augmentation, normalization, data, imbalance)
    _check_mixing(augmentation.mixing, budget)
    _check_loss(loss, regularization, augmentation.mixing)
    _check_steps(target, budget)
    _check_patience(budget, data, early_stopping, schedule)
    _check_plateau(early_stopping, schedule)


def _check_kind(augmentation, normalization, data, imbalance):
    """Checks that parts for feature vectors and parts for images are not mixed."""
    kind = type(normalization).__name__
    if isinstance(normalization, FeatureNormalization):
        if {*augmentation.train, *augmentation.eval} != {Normalize()}:
            raise ZooError(f"{kind} is for feature vectors: augmentation must be Normalize() alone, without transforms")
        mixing = augmentation.mixing
        mixings = mixing.mixings if isinstance(mixing, OneOf) else (mixing,)
        if any(isinstance(each, CutMix) for each in mixings):
            raise ZooError("CutMix is for images, not feature vectors: set augmentation.mixing=None")
        return
    smote = imbalance if isinstance(imbalance, SMOTE) else None
    parts = {"data.missing": data.missing, "data.outliers": data.outliers, "imbalance": smote}
    for name, part in parts.items():
        if part is not None:
            raise ZooError(f"{type(part).__name__} is for feature vectors, and {kind} for images: set {name}=None")
    before = itertools.takewhile(lambda transform: not isinstance(transform, Normalize), augmentation.train)
    if isinstance(normalization, PixelMean) and any(transform.displaces for transform in before):
        raise ZooError(
            "PixelMean requires aligned images: put Normalize() before random crops and flips in augmentation.train"
        )


def _check_mixing(mixing, budget):
    if mixing and budget.batch_size % (2 * budget.accumulation):
        raise ZooError(
            f"{type(mixing).__name__} mixes pairs of examples within each accumulated part of a batch:"
            " budget.batch_size must be divisible by 2 * accumulation"
        )


def _check_loss(loss, regularization, mixing):
    softening = {
        "regularization.label_smoothing=0": regularization.label_smoothing,
        "augmentation.mixing=None": mixing,
    }
    for remedy, soft in softening.items():
        if loss.hard_labels and soft:
            raise ZooError(f"{type(loss).__name__} requires hard labels: set {remedy}, or choose another loss")


def _check_steps(target, budget):
    promised, steps = target and target.within_steps, budget.steps
    if promised and steps and steps > promised:
        raise ZooError(
            f"target.within_steps is {promised}, but the budget has {steps} steps: change target.within_steps too, or"
            " set target=None"
        )


def _check_patience(budget, data, early_stopping, schedule):
    # With epochs, the number of steps is not known yet; 1000 are enough to count evaluations.
    evaluations = len(budget.evaluation_steps(budget.steps or 1000))
    if data.validation and early_stopping is None:
        evaluations -= 1  # the last one is on the evaluation split
    patient = {"early_stopping": early_stopping}
    if isinstance(schedule, ReduceOnPlateau):
        patient["schedule"] = schedule
    for name, part in patient.items():
        if part is not None and part.patience >= evaluations:
            raise ZooError(
                f"{name}.patience is {part.patience}, but the run has {evaluations} evaluations, so that it never runs"
                " out: choose a smaller patience or budget.evaluate_every"
            )


def _check_plateau(stopping, schedule):
    """Checks that early stopping does not end the run before the rate is reduced on a plateau of the same metric."""
    if not isinstance(schedule, ReduceOnPlateau) or stopping is None or stopping.metric != schedule.metric:
        return
    if stopping.patience <= schedule.patience and stopping.minimum_change >= schedule.minimum_change:
        raise ZooError(
            f"early_stopping.patience is {stopping.patience} and schedule.patience is {schedule.patience}, both for"
            f" {schedule.metric}: the run would end before the rate is reduced; choose a longer early_stopping.patience"
        )
