"""Selects the examples of a data set that a recipe trains, validates and evaluates on."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.features import check_values, trim
from zoo.data.sources.folder import FolderSplit
from zoo.data.split import ArraySplit, Split
from zoo.data.splitting import all_labels, hold_out, keep_fractions, subset
from zoo.errors import ZooError
from zoo.recipe import Data
from zoo.recipe.augmentation import Normalization
from zoo.recipe.features import FeatureNormalization, Missing


def check_kind(dataset: Dataset, normalization: Normalization) -> None:
    """Raises `ZooError` if a recipe is for images but the data set has features, or vice versa."""
    kind = type(normalization).__name__
    if dataset.feature_names is None and isinstance(normalization, FeatureNormalization):
        raise ZooError(f"{dataset.spec} has images, but normalization={kind}() is for vectors of features")
    if dataset.feature_names is not None and not isinstance(normalization, FeatureNormalization):
        raise ZooError(
            f"{dataset.spec} has vectors of features, but normalization={kind}() is for images: use FeatureMeanStd(),"
            " FeatureRange() or Unscaled(), and a model such as mlp"
        )


def with_classes(dataset: Dataset, class_names: Sequence[str]) -> Dataset:
    """Relabels a data set by `class_names` if they are a superset of its classes; returns it unchanged otherwise."""
    splits = (dataset.train, dataset.eval)
    if tuple(dataset.class_names) == tuple(class_names) or not set(dataset.class_names) <= set(class_names):
        return dataset
    numbers = np.array([list(class_names).index(name) for name in dataset.class_names], np.int32)
    train, evaluation = (
        dataclasses.replace(split, labels=numbers[split.labels])
        if isinstance(split, ArraySplit | FolderSplit)
        else None
        for split in splits
    )
    if train is None or evaluation is None:
        return dataset
    return dataclasses.replace(dataset, train=train, eval=evaluation, class_names=tuple(class_names))


def check_all_values(dataset: Dataset, missing: Missing | None) -> None:
    """Raises `ZooError` if a feature of either split has an infinite value, or a missing one without imputation."""
    if dataset.feature_names is not None:
        for split in (dataset.train, dataset.eval):
            check_values(dataset, split, missing)


def select(data: Data, dataset: Dataset) -> tuple[Dataset, Split | None]:
    """Selects training examples and holds out a validation split.

    Applies `keep`, `validation` and `Trim` in this order, so that `Trim` does not affect validation.

    Returns:
      The data set with the remaining training split, and the validation split or None.

    Raises:
      ZooError: a class of `keep` does not exist, or no example remains of a class.
    """
    train, validation = dataset.train, None
    if data.keep:
        train = subset(train, keep_fractions(all_labels(train), data.keep, dataset.class_names))
    if data.validation:
        kept, out = hold_out(all_labels(train), data.validation)
        if not len(out):
            raise ZooError(f"{dataset.spec}: cannot hold out validation examples: no class has two training examples")
        train, validation = subset(train, kept), subset(train, out)
    if data.outliers is not None:
        train = trim(data.outliers, train)
        if len(np.unique(all_labels(train))) < len(np.unique(all_labels(dataset.train))):
            raise ZooError(
                f"{dataset.spec}: Trim removes all training examples of a class: widen its quantiles,"
                " data.outliers.lower and upper"
            )
    return dataclasses.replace(dataset, train=train), validation


def sample_indices(examples: int, count: int) -> np.ndarray:
    """Returns `count` evenly spaced positions in a split, deterministically; all of them if there are fewer."""
    return np.unique(np.linspace(0, examples - 1, min(count, examples)).round().astype(np.int64))
