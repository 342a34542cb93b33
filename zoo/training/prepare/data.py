"""Preparation of the data: input pipelines, normalization statistics and class weights."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zoo.data import features, imbalance
from zoo.data.dataset import Dataset, check_dataset, check_trainable
from zoo.data.inspection import inspect
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Corrupt, InputPipeline, make_pipeline
from zoo.data.selection import check_all_values, check_kind, select
from zoo.data.split import Split
from zoo.data.statistics import measure_split
from zoo.recipe import Data, Recipe
from zoo.recipe.augmentation import Normalization, Transform

Progress = Callable[[str, int, int], None]  # (activity, images done, total images)


@dataclass(frozen=True)
class PreparedData:
    """Data that is ready for training; see `zoo.training.experiment.Experiment` for the fields."""

    dataset: Dataset
    train_pipeline: InputPipeline
    eval_pipeline: InputPipeline
    validation_pipeline: InputPipeline | None
    statistics: Statistics
    class_weights: np.ndarray | None


def prepare_data(
    recipe: Recipe,
    dataset: Dataset,
    *,
    known_statistics: Statistics | None,
    on_corrupt: Callable[[Corrupt], None],
    on_progress: Progress,
    workers: int,
    decode_ahead: bool,
) -> PreparedData:
    """Selects the training examples, decodes the images that fit in memory, and measures the statistics.

    The arguments are those of `zoo.training.prepare.prepare`.

    Raises:
      ZooError: recipe and data do not match, or too many images cannot be decoded.
    """
    check_trainable(dataset)
    dataset = dataclasses.replace(dataset, notes=(*dataset.notes, *inspect(dataset)))
    dataset, validation = select(recipe.data, dataset)

    def pipeline_of(name: str, split: Split, transforms: tuple[Transform, ...]) -> InputPipeline:
        return make_pipeline(
            split,
            transforms,
            channels=dataset.channels,
            num_classes=len(dataset.class_names),
            on_corrupt=on_corrupt,
            on_progress=lambda done: on_progress(f"reading {name} images", done, len(split)),
            workers=workers,
            decode_ahead=decode_ahead,
        )

    augmentation = recipe.augmentation
    train = pipeline_of("train", dataset.train, augmentation.train)
    evaluation = pipeline_of("eval", dataset.eval, augmentation.eval)
    held_out = pipeline_of("validation", validation, augmentation.eval) if validation else None
    statistics = known_statistics
    if statistics is None:
        statistics = measure(recipe.normalization, recipe.data, dataset, train, evaluation, on_progress)
    train = imbalance.resample(recipe.imbalance, train, statistics)
    weights = imbalance.class_weights(recipe.imbalance, train, dataset.class_names)
    return PreparedData(dataset, train, evaluation, held_out, statistics, weights)


def check_kinds(dataset: Dataset, normalization: Normalization, data: Data) -> None:
    """Checks that a data set has examples and classes, and that they are images or features as the normalization needs.

    Raises:
      ZooError: a check fails.
    """
    check_dataset(dataset)
    check_kind(dataset, normalization)
    check_all_values(dataset, data.missing)


def measure(
    normalization: Normalization,
    data: Data,
    dataset: Dataset,
    train: InputPipeline,
    evaluation: InputPipeline,
    on_progress: Progress,
) -> Statistics:
    """Measures the statistics of the training examples: features, or images resized and cropped as in evaluation."""
    if dataset.feature_names is not None:
        return features.measure(normalization, data.missing, data.outliers, dataset)
    return measure_split(normalization, dataset.train, train, evaluation, on_progress)
