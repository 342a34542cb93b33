"""Which examples of a data set a recipe uses, and for what."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.features import check_values, trim
from zoo.data.sources.folder import FolderSplit
from zoo.data.split import ArraySplit, Split
from zoo.data.splitting import all_labels, hold_out, keep_shares, subset
from zoo.errors import ZooError
from zoo.recipe import Data
from zoo.recipe.augmentation import Normalization
from zoo.recipe.features import FeatureNormalization, Missing


def check_kind(dataset: Dataset, normalization: Normalization) -> None:
    """Raises `ZooError` if a recipe is for images and the data set has features, or the other way round."""
    kind = type(normalization).__name__
    if dataset.feature_names is None and isinstance(normalization, FeatureNormalization):
        raise ZooError(f"{dataset.spec} has images, and normalization={kind}() is for vectors of features")
    if dataset.feature_names is not None and not isinstance(normalization, FeatureNormalization):
        raise ZooError(
            f"{dataset.spec} has vectors of features, and normalization={kind}() is for images: it takes FeatureMeanStd(),"
            " FeatureRange() or Unscaled(), and a model such as mlp"
        )


def with_classes(dataset: Dataset, class_names: Sequence[str]) -> Dataset:
    """The same examples with the labels of these classes, of which the data set may lack some; as it is if it has others."""
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
    """Raises `ZooError` if a feature of either split has a value that cannot be used."""
    if dataset.feature_names is not None:
        for split in (dataset.train, dataset.eval):
            check_values(dataset, split, missing)


def select(data: Data, dataset: Dataset) -> tuple[Dataset, Split | None]:
    """What a recipe leaves of the training split, and the part of it that is held out for validation, if any.

    First `keep`, then `validation`, then `Trim`, which therefore does not touch validation.

    Raises:
      ZooError: a class of `keep` does not exist, or nothing is left.
    """
    train, validation = dataset.train, None
    if data.keep:
        train = subset(train, keep_shares(all_labels(train), data.keep, dataset.class_names))
    if data.validation:
        kept, out = hold_out(all_labels(train), data.validation)
        if not len(out):
            raise ZooError(
                f"{dataset.spec}: no class has two training examples, so none can be held out for validation"
            )
        train, validation = subset(train, kept), subset(train, out)
    if data.outliers is not None:
        train = trim(data.outliers, train)
        if len(np.unique(all_labels(train))) < len(np.unique(all_labels(dataset.train))):
            raise ZooError(f"{dataset.spec}: Trim leaves no training example of a class: bring its quantiles apart")
    return dataclasses.replace(dataset, train=train), validation


def sample_indices(examples: int, count: int) -> np.ndarray:
    """`count` positions spread evenly over a split (or all of it): the same ones each time."""
    return np.unique(np.linspace(0, examples - 1, min(count, examples)).round().astype(np.int64))
