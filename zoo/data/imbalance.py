"""Remedies for class imbalance: class weights in the loss, or resampling of the training examples."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

from zoo.data.features import vectors
from zoo.data.normalization import Statistics
from zoo.data.pipeline import InputPipeline
from zoo.data.split import ArraySplit
from zoo.data.splitting import all_labels
from zoo.errors import ZooError, unknown
from zoo.recipe.imbalance import SMOTE, ClassWeights, Imbalance, OverSampling, UnderSampling

SEED = 0  # independent of the run's seed, so that all runs of a recipe train on the same examples


def class_weights(
    imbalance: Imbalance | None, pipeline: InputPipeline, class_names: Sequence[str]
) -> np.ndarray | None:
    """Returns class weights of the loss, float32 [K], or None if not weighted; classes without examples have weight 1.

    Raises:
      ZooError: a weight is given for an unknown class.
    """
    if not isinstance(imbalance, ClassWeights):
        return None
    if imbalance.weights:
        for name in imbalance.weights:
            if name not in class_names:
                raise unknown("class in imbalance.weights", name, class_names)
        return np.array([imbalance.weights.get(name, 1.0) for name in class_names], np.float32)
    counts = np.bincount(all_labels(pipeline.split), minlength=len(class_names))
    balanced = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, balanced, 1).astype(np.float32)


@functools.singledispatch
def resample(imbalance: Imbalance | None, pipeline: InputPipeline, statistics: Statistics) -> InputPipeline:
    """Returns a training pipeline whose epochs have resampled examples.

    Args:
      imbalance: the remedy of the recipe; None and `ClassWeights` leave the pipeline unchanged.
      pipeline: the pipeline of the training split.
      statistics: the statistics of the training split.

    Raises:
      ZooError: a class has too few examples for SMOTE.
    """
    return pipeline


@resample.register
def _over_sampling(imbalance: OverSampling, pipeline: InputPipeline, statistics: Statistics) -> InputPipeline:
    random, by_class = np.random.default_rng(SEED), _by_class(pipeline)
    most = max(map(len, by_class))
    more = [random.choice(of_class, most - len(of_class)) for of_class in by_class]
    return dataclasses.replace(pipeline, examples=np.concatenate([*by_class, *more]))


@resample.register
def _under_sampling(imbalance: UnderSampling, pipeline: InputPipeline, statistics: Statistics) -> InputPipeline:
    random, by_class = np.random.default_rng(SEED), _by_class(pipeline)
    fewest = min(map(len, by_class))
    chosen = [random.choice(of_class, fewest, replace=False) for of_class in by_class]
    return dataclasses.replace(pipeline, examples=np.sort(np.concatenate(chosen)))


@resample.register
def _smote(imbalance: SMOTE, pipeline: InputPipeline, statistics: Statistics) -> InputPipeline:
    random, by_class = np.random.default_rng(SEED), _by_class(pipeline)
    most = max(map(len, by_class))
    values = vectors(pipeline.split).astype(np.float64)
    if statistics.low is not None:
        values = np.clip(values, statistics.low, statistics.high)
    if statistics.fill is not None:
        values = np.where(np.isnan(values), statistics.fill, values)
    own_labels = all_labels(pipeline.split)
    features, labels = [vectors(pipeline.split)], [own_labels]
    for of_class in by_class:
        count, label = most - len(of_class), own_labels[of_class[0]]
        if not count:
            continue
        if len(of_class) <= imbalance.neighbors:
            raise ZooError(
                f"SMOTE: class {label} has {len(of_class)} training examples, too few for {imbalance.neighbors}"
                " neighbours: decrease imbalance.neighbors, or use OverSampling()"
            )
        own = values[of_class]
        neighbors = KDTree(own / statistics.scale).query(own / statistics.scale, imbalance.neighbors + 1)[1]
        features.append(interpolated(own, neighbors[:, 1:], count, random).astype(np.float32))
        labels.append(np.full(count, label, np.int32))
    split = ArraySplit(
        np.concatenate(features)[:, None, None, :],
        np.concatenate(labels),
        f"{getattr(pipeline.split, 'name', 'examples')} and SMOTE",
    )
    return dataclasses.replace(pipeline, split=split)


def interpolated(values: np.ndarray, neighbors: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Samples synthetic vectors x + u (y - x) with u uniform in [0, 1) (Chawla et al. 2002, figure 3).

    Args:
      values: [n, F], from which x is sampled uniformly.
      neighbors: int [n, k], positions of each x's neighbours, from which y is sampled uniformly.
      count: number of vectors.
      random: the random number generator.

    Returns:
      [count, F].
    """
    chosen = random.integers(0, len(values), count)
    other = neighbors[chosen, random.integers(0, neighbors.shape[1], count)]
    weight = random.random((count, 1))
    return values[chosen] + weight * (values[other] - values[chosen])


def _by_class(pipeline):
    """Returns the positions of the examples of each class, without empty classes."""
    labels = all_labels(pipeline.split)
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]
