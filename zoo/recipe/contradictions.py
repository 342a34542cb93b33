"""What cannot be together in one recipe, though each part is right by itself."""

import itertools
from typing import TYPE_CHECKING

from zoo.errors import ZooError
from zoo.recipe.augmentation import CutMix, Normalize, OneOf, PixelMean
from zoo.recipe.features import FeatureNormalization
from zoo.recipe.sampling import SMOTE
from zoo.recipe.schedule import ReduceOnPlateau

if TYPE_CHECKING:
    from zoo.recipe.recipe import Recipe


def check_together(recipe: "Recipe") -> None:
    """Raises `ZooError` for the first contradiction between parts of a recipe."""
    _check_kind(recipe)
    _check_mixing(recipe)
    _check_loss(recipe)
    _check_steps(recipe)
    _check_patience(recipe)
    _check_plateau(recipe)


def _check_kind(recipe):
    """Parts for vectors of features, and parts for images."""
    augmentation, kind = recipe.augmentation, type(recipe.normalization).__name__
    if isinstance(recipe.normalization, FeatureNormalization):
        if {*augmentation.train, *augmentation.eval} != {Normalize()}:
            raise ZooError(f"{kind} is for vectors of features: augmentation has Normalize() alone, and no transforms")
        mixing = augmentation.mixing
        mixings = mixing.mixings if isinstance(mixing, OneOf) else (mixing,)
        if any(isinstance(each, CutMix) for each in mixings):
            raise ZooError("CutMix cuts rectangles out of images, and features have none: set augmentation.mixing=None")
        return
    smote = recipe.imbalance if isinstance(recipe.imbalance, SMOTE) else None
    parts = {"data.missing": recipe.data.missing, "data.outliers": recipe.data.outliers, "imbalance": smote}
    for name, part in parts.items():
        if part is not None:
            raise ZooError(f"{type(part).__name__} is for vectors of features, and {kind} for images: set {name}=None")
    before = itertools.takewhile(lambda transform: not isinstance(transform, Normalize), augmentation.train)
    if isinstance(recipe.normalization, PixelMean) and any(transform.displaces for transform in before):
        raise ZooError("PixelMean needs every image in the same place: in augmentation.train, Normalize() comes first")


def _check_mixing(recipe):
    mixing, budget = recipe.augmentation.mixing, recipe.budget
    if mixing and budget.batch_size % (2 * budget.accumulation):
        raise ZooError(
            f"{type(mixing).__name__} pairs the examples of each part of a batch: budget.batch_size must be divisible by"
            " 2 * accumulation"
        )


def _check_loss(recipe):
    softening = {
        "regularization.label_smoothing=0": recipe.regularization.label_smoothing,
        "augmentation.mixing=None": recipe.augmentation.mixing,
    }
    for remedy, soft in softening.items():
        if recipe.loss.hard_labels and soft:
            raise ZooError(f"{type(recipe.loss).__name__} is for hard labels: set {remedy}, or another loss")


def _check_steps(recipe):
    promised, steps = recipe.target and recipe.target.within_steps, recipe.budget.steps
    if promised and steps and steps > promised:
        raise ZooError(
            f"the target promises {promised} steps and the budget has {steps}: change target.within_steps too, or set"
            " target=None"
        )


def _check_patience(recipe):
    budget = recipe.budget
    # With epochs the steps are not known yet; 1000 are enough to tell evaluations apart.
    evaluations = len(budget.evaluation_steps(budget.steps or 1000))
    if recipe.data.validation and recipe.early_stopping is None:
        evaluations -= 1  # the last one is of the evaluation split
    watching = {"early_stopping": recipe.early_stopping}
    if isinstance(recipe.schedule, ReduceOnPlateau):
        watching["schedule"] = recipe.schedule
    for name, part in watching.items():
        if part is not None and part.patience >= evaluations:
            raise ZooError(
                f"{name}.patience is {part.patience}, and the run has {evaluations} evaluations to watch, so that it can"
                " never run out: choose a smaller one, or a smaller budget.evaluate_every"
            )


def _check_plateau(recipe):
    """Both count evaluations without progress; whichever counts less of them comes first."""
    stopping, schedule = recipe.early_stopping, recipe.schedule
    if not isinstance(schedule, ReduceOnPlateau) or stopping is None or stopping.metric != schedule.metric:
        return
    if stopping.patience <= schedule.patience and stopping.minimum_change >= schedule.minimum_change:
        raise ZooError(
            f"early_stopping.patience is {stopping.patience} and schedule.patience is {schedule.patience}, both of"
            f" {schedule.metric}: the run would end before its rate falls; let early_stopping have the longer one"
        )
