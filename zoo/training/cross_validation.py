"""How much a result depends on which examples it was trained and evaluated on."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import flax.linen as nn
import jax
import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.sources import open_data
from zoo.data.splitting import all_labels, folds, subset
from zoo.errors import ZooError, printable
from zoo.recipe import Recipe
from zoo.recipe.metric import METRIC_NAMES
from zoo.training.fit import FitResult, fit
from zoo.training.run.folder import RunFolder
from zoo.training.tracking import Tracker

SUMMARY = "cross_validation.json"


class FitOptions(TypedDict, total=False):
    """The arguments of `zoo.fit` that `cross_validate` hands on as they are."""

    model: nn.Module | None
    devices: Sequence[jax.Device] | None
    strategy: str
    workers: int
    steps_per_execution: int


@dataclass(frozen=True)
class CrossValidation:
    """The outcome of k runs.

    Attributes:
      results: of each fold.
      mean, deviation: over folds, of the metrics at the end; the deviation is the sample's, with k - 1. Empty if a run
        diverged. The folds' training splits overlap, so that deviation / sqrt(k) is no standard error of the mean.
    """

    results: tuple[FitResult, ...]
    mean: dict[str, float]
    deviation: dict[str, float]


def cross_validate(
    recipe: Recipe,
    count: int,
    workdir: str | Path | None = None,
    seed: int = 0,
    *,
    dataset: Dataset | None = None,
    trackers: Callable[[str], Sequence[Tracker]] = lambda name: (),
    **options: Unpack[FitOptions],
) -> CrossValidation:
    """Trains `count` times, each time on all of the training split but one fold, and evaluates on that fold.

    Folds are stratified and follow from the seed. The evaluation split is not touched.

    Args:
      recipe: what to do.
      count: of the folds.
      workdir: each fold has a folder in it, `fold1` and so on, which goes on where it was interrupted; the summary is in
        `cross_validation.json`. None keeps nothing.
      seed: of every run, and of the folds.
      dataset: data of one's own instead of the recipe's.
      trackers: gives those of a fold, by the name of its folder.
      options: as `zoo.fit` takes them.

    Raises:
      ZooError: a class has fewer examples than there are folds, or what `zoo.fit` raises.
    """
    if workdir and os.path.isdir(Path(workdir) / SUMMARY):
        raise ZooError(
            f"{printable(Path(workdir) / SUMMARY)} is a folder and has to be a file: choose another --workdir"
        )
    dataset = dataset or open_data(recipe.data)
    parts, results = folds(all_labels(dataset.train), count, seed, dataset.class_names), []
    for number, part in enumerate(parts, start=1):
        rest = np.sort(np.concatenate([other for other in parts if other is not part]))
        of_fold = dataclasses.replace(
            dataset,
            spec=f"{dataset.spec}, fold {number} of {count}",
            train=subset(dataset.train, rest),
            eval=subset(dataset.train, part),
        )
        name = f"fold{number}"
        folder = Path(workdir) / name if workdir else None
        results.append(fit(recipe, folder, seed, dataset=of_fold, trackers=trackers(name), **options))
    mean, deviation = {}, {}
    if all(result.metrics for result in results):
        metrics = [metric for metric in METRIC_NAMES if all(metric in result.metrics for result in results)]
        values = {metric: [result.metrics[metric] for result in results] for metric in metrics}
        mean = {metric: float(np.mean(of_folds)) for metric, of_folds in values.items()}
        deviation = {metric: float(np.std(of_folds, ddof=1)) for metric, of_folds in values.items()}
    if workdir and jax.process_index() == 0:
        verdicts = [vars(result.verdict) for result in results]
        RunFolder(workdir).write(SUMMARY, {"mean": mean, "deviation": deviation, "folds": verdicts})
    return CrossValidation(tuple(results), mean, deviation)
