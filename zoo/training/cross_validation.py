"""Stratified k-fold cross-validation."""

import dataclasses
import os
import warnings
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
from zoo.errors import ZooError, ZooWarning, printable
from zoo.recipe import Recipe
from zoo.recipe.metric import METRIC_NAMES
from zoo.training.fit import FitResult, fit
from zoo.training.run.files import RunFiles
from zoo.training.tracking import Tracker

SUMMARY = "cross_validation.json"


class FitOptions(TypedDict, total=False):
    """The arguments of `zoo.fit` that `cross_validate` passes on unchanged."""

    model: nn.Module | None
    devices: Sequence[jax.Device] | None
    strategy: str
    workers: int
    steps_per_execution: int


@dataclass(frozen=True)
class CrossValidation:
    """The results of the k runs of a cross-validation.

    Attributes:
      results: the result of each fold.
      mean, std: mean and sample standard deviation (with k - 1) over the folds, for each final metric; empty if a
        run diverged. The folds' training splits overlap, so std / sqrt(k) is not a standard error of the mean.
    """

    results: tuple[FitResult, ...]
    mean: dict[str, float]
    std: dict[str, float]

    @property
    def deviation(self) -> dict[str, float]:
        """Earlier name of `std`."""
        warnings.warn("CrossValidation.deviation is called std now", ZooWarning, stacklevel=2)
        return self.std


def cross_validate(
    recipe: Recipe,
    count: int,
    workdir: str | Path | None = None,
    seed: int = 0,
    *,
    dataset: Dataset | None = None,
    trackers: Callable[[str], Sequence[Tracker]] | None = None,
    **options: Unpack[FitOptions],
) -> CrossValidation:
    """Trains `count` times, each time on the training split without one fold, and evaluates on that fold.

    The folds are stratified and determined by the seed. The evaluation split is not used.

    Args:
      recipe: the recipe to train.
      count: number of folds.
      workdir: each fold has a run folder in it, `fold1` and so on, so that an interrupted cross-validation resumes; the
        summary is written to `cross_validation.json`. None saves nothing.
      seed: of every run and of the folds.
      dataset: custom data instead of the recipe's.
      trackers: a function from the name of a fold's folder to the trackers of its run; None as for `zoo.fit`.
      options: see `zoo.fit`.

    Raises:
      ZooError: a class has fewer examples than there are folds; or as `zoo.fit`.
    """
    if workdir and os.path.isdir(Path(workdir) / SUMMARY):
        raise ZooError(f"{printable(Path(workdir) / SUMMARY)} is a folder, expected a file: choose another --workdir")
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
        of_run = None if trackers is None else trackers(name)
        results.append(fit(recipe, folder, seed, dataset=of_fold, trackers=of_run, **options))
    mean, std = {}, {}
    if all(result.metrics for result in results):
        metrics = [metric for metric in METRIC_NAMES if all(metric in result.metrics for result in results)]
        values = {metric: [result.metrics[metric] for result in results] for metric in metrics}
        mean = {metric: float(np.mean(of_folds)) for metric, of_folds in values.items()}
        std = {metric: float(np.std(of_folds, ddof=1)) for metric, of_folds in values.items()}
    if workdir and jax.process_index() == 0:
        verdicts = [vars(result.verdict) for result in results]
        RunFiles(workdir).write(SUMMARY, {"mean": mean, "deviation": std, "folds": verdicts})
    return CrossValidation(tuple(results), mean, std)
