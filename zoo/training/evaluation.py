"""Counts how often a network is right, every example exactly once."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.sharding import Mesh

from zoo import parallel
from zoo.data.augment import Statistics
from zoo.data.loader import Corrupt, Feed, evaluation_batches
from zoo.data.sources import Dataset, open_source
from zoo.recipe import Recipe
from zoo.training.experiment import prepare
from zoo.training.step import Constants


def evaluate_feed(
    eval_step: Callable,
    variables: dict[str, Any],
    constants: Constants,
    feed: Feed,
    mesh: Mesh,
    *,
    batch_size: int,
    indices: np.ndarray | None = None,
    on_corrupt: Callable[[Corrupt], None] = lambda corrupt: None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int = 0,
) -> dict[str, float]:
    """Evaluates on a split.

    Args:
      eval_step: from `Experiment.eval_step`.
      variables: of the network.
      constants, feed: of the split; see `Experiment`.
      mesh: devices.
      batch_size: of all devices together.
      indices: the examples to take; None for all.
      on_corrupt: called for each image that cannot be decoded; it is not counted.
      on_progress: called as (examples done, examples in all); what it raises ends the evaluation.
      workers: processes that decode; 0 for threads of this one.

    Returns:
      `loss` (mean cross-entropy), `top1` (accuracy), `balanced_accuracy` (mean over classes), `majority` (share of the
      most frequent class, which is the accuracy of always answering it) and `examples` (how many were counted).
    """
    total = len(feed.split) if indices is None else len(indices)
    batches = evaluation_batches(
        feed,
        batch_size,
        indices,
        on_corrupt=on_corrupt,
        host=jax.process_index(),
        hosts=jax.process_count(),
        workers=workers,
    )
    loss, correct, count = 0.0, 0.0, 0.0
    for done, batch in enumerate(batches, start=1):
        sums = jax.device_get(eval_step(variables, constants, parallel.shard_batch(batch, mesh)))
        # Summed in float64: float32 cannot count past 16,777,216.
        loss += float(sums.loss)
        correct = correct + sums.correct.astype(np.float64)
        count = count + sums.count.astype(np.float64)
        on_progress(min(done * batch_size, total), total)
    examples = max(count.sum(), 1.0)
    present = count > 0
    return {
        "loss": float(loss / examples),
        "top1": float(correct.sum() / examples),
        "balanced_accuracy": float((correct[present] / count[present]).mean()) if present.any() else 0.0,
        "majority": float(count.max() / examples),
        "examples": int(count.sum()),
    }


def evaluate(
    recipe: Recipe,
    variables: dict[str, Any],
    source: str | Dataset | None = None,
    *,
    model: nn.Module | None = None,
    statistics: Statistics | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """Evaluates trained variables as a recipe does.

    Args:
      recipe: gives the network, the evaluation transforms and the normalization.
      variables: {"params": ..., "batch_stats": ...}, such as `FitResult.variables`.
      source: the data whose evaluation split is taken; the recipe's own if None.
      model: a network of one's own instead of the recipe's.
      statistics: with which the network was trained; measured on the source's training split if None.
      on_progress: called as (examples done, examples in all).

    Returns:
      See `evaluate_feed`.

    Raises:
      ZooError: recipe, variables and data do not fit together.
    """
    dataset = source if isinstance(source, Dataset) else open_source(source or recipe.data.source)
    experiment = prepare(recipe, dataset, model=model, known_statistics=statistics, training=False)
    return evaluate_feed(
        experiment.eval_step(),
        parallel.replicate(variables, experiment.mesh),
        experiment.constants(experiment.eval_feed),
        experiment.eval_feed,
        experiment.mesh,
        batch_size=recipe.budget.batch_size,
        on_progress=on_progress,
    )
