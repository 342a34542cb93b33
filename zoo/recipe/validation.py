"""Validation of a recipe as a whole: parts that are right by themselves and contradict each other."""

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
    """Checks that the parts of a recipe agree with each other.

    Raises:
      ZooError: two of them contradict each other; the first contradiction is named.
    """
    _check_kind(augmentation, normalization, data, imbalance)
    _check_mixing(augmentation.mixing, budget)
    _check_loss(loss, regularization, augmentation.mixing)
    _check_steps(target, budget)
    _check_patience(budget, data, early_stopping, schedule)
    _check_plateau(early_stopping, schedule)


def _check_kind(augmentation, normalization, data, imbalance):
    """Parts for vectors of features, and parts for images."""
    kind = type(normalization).__name__
    if isinstance(normalization, FeatureNormalization):
        if {*augmentation.train, *augmentation.eval} != {Normalize()}:
            raise ZooError(f"{kind} is for vectors of features: augmentation has Normalize() alone, and no transforms")
        mixing = augmentation.mixing
        mixings = mixing.mixings if isinstance(mixing, OneOf) else (mixing,)
        if any(isinstance(each, CutMix) for each in mixings):
            raise ZooError("CutMix cuts rectangles out of images, and features have none: set augmentation.mixing=None")
        return
    smote = imbalance if isinstance(imbalance, SMOTE) else None
    parts = {"data.missing": data.missing, "data.outliers": data.outliers, "imbalance": smote}
    for name, part in parts.items():
        if part is not None:
            raise ZooError(f"{type(part).__name__} is for vectors of features, and {kind} for images: set {name}=None")
    before = itertools.takewhile(lambda transform: not isinstance(transform, Normalize), augmentation.train)
    if isinstance(normalization, PixelMean) and any(transform.displaces for transform in before):
        raise ZooError("PixelMean needs every image in the same place: in augmentation.train, Normalize() comes first")


def _check_mixing(mixing, budget):
    if mixing and budget.batch_size % (2 * budget.accumulation):
        raise ZooError(
            f"{type(mixing).__name__} pairs the examples of each part of a batch: budget.batch_size must be divisible by"
            " 2 * accumulation"
        )


def _check_loss(loss, regularization, mixing):
    softening = {
        "regularization.label_smoothing=0": regularization.label_smoothing,
        "augmentation.mixing=None": mixing,
    }
    for remedy, soft in softening.items():
        if loss.hard_labels and soft:
            raise ZooError(f"{type(loss).__name__} is for hard labels: set {remedy}, or another loss")


def _check_steps(target, budget):
    promised, steps = target and target.within_steps, budget.steps
    if promised and steps and steps > promised:
        raise ZooError(
            f"the target promises {promised} steps and the budget has {steps}: change target.within_steps too, or set"
            " target=None"
        )


def _check_patience(budget, data, early_stopping, schedule):
    # With epochs the steps are not known yet; 1000 are enough to tell evaluations apart.
    evaluations = len(budget.evaluation_steps(budget.steps or 1000))
    if data.validation and early_stopping is None:
        evaluations -= 1  # the last one is of the evaluation split
    watching = {"early_stopping": early_stopping}
    if isinstance(schedule, ReduceOnPlateau):
        watching["schedule"] = schedule
    for name, part in watching.items():
        if part is not None and part.patience >= evaluations:
            raise ZooError(
                f"{name}.patience is {part.patience}, and the run has {evaluations} evaluations to watch, so that it can"
                " never run out: choose a smaller one, or a smaller budget.evaluate_every"
            )


def _check_plateau(stopping, schedule):
    """Both count evaluations without progress; whichever counts less of them comes first."""
    if not isinstance(schedule, ReduceOnPlateau) or stopping is None or stopping.metric != schedule.metric:
        return
    if stopping.patience <= schedule.patience and stopping.minimum_change >= schedule.minimum_change:
        raise ZooError(
            f"early_stopping.patience is {stopping.patience} and schedule.patience is {schedule.patience}, both of"
            f" {schedule.metric}: the run would end before its rate falls; let early_stopping have the longer one"
        )
