"""Evaluation of a network on an input pipeline, in which every example counts exactly once."""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from zoo import parallel
from zoo.data.pipeline import InputPipeline, evaluation_batches
from zoo.training.step.inputs import Constants
from zoo.training.step.objective import Sums

BATCH_FACTOR = 4  # without a backward pass there is room for it, and large weights are read less often
BY_CLASS = ("recall", "confusion")  # the metrics that are lists, and too long for a line of records


def evaluate_pipeline(
    eval_step: Callable,
    variables: dict[str, Any],
    constants: Constants,
    pipeline: InputPipeline,
    mesh: Mesh,
    *,
    batch_size: int,
    indices: np.ndarray | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Evaluates on a split.

    Args:
      eval_step: from `Experiment.eval_step`.
      variables: of the network.
      constants, pipeline: of the split; see `Experiment`.
      mesh: devices.
      batch_size: of training, or of a part of its batches, all devices together; here, batches are up to `BATCH_FACTOR` times
        as large.
      indices: the examples to take; None for all.
      on_progress: called as (examples done, examples in all); what it raises ends the evaluation.

    Returns:
      Numbers: `loss` (mean of the recipe's), `top1` (accuracy), `balanced_accuracy` (mean over classes), `majority` (share
      of the most frequent class, which is the accuracy of always answering it), `examples` (how many were counted) and,
      for ten classes or more, `top5` (how often the class is among the five largest logits).

      Lists, named in `BY_CLASS`: `recall`, the share of right answers for each class, None where there is no example;
      and for up to 100 classes `confusion`, a list for each class with the number of its examples by answer.
    """
    total = len(pipeline.split) if indices is None else len(indices)
    batch_size *= min(BATCH_FACTOR, math.ceil(total / batch_size))
    batches = evaluation_batches(
        pipeline,
        batch_size,
        indices,
        host=jax.process_index(),
        hosts=jax.process_count(),
    )
    totals: Sums | None = None
    for done, batch in enumerate(batches, start=1):
        sums = jax.device_get(eval_step(variables, constants, parallel.shard_batch(batch, mesh)))
        # Summed in float64: float32 cannot count past 16,777,216.
        sums = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), sums)
        totals = sums if totals is None else jax.tree.map(np.add, totals, sums)
        on_progress(min(done * batch_size, total), total)
    assert totals is not None  # a split has at least one example
    correct, count = totals.correct, totals.count
    examples = max(float(count.sum()), 1.0)
    recall = [float(right / number) if number else None for right, number in zip(correct, count, strict=True)]
    present = [share for share in recall if share is not None]
    metrics: dict[str, Any] = {
        "loss": float(totals.loss / examples),
        "top1": float(correct.sum() / examples),
        "balanced_accuracy": float(np.mean(present)) if present else 0.0,
        "majority": float(count.max() / examples),
        "examples": int(count.sum()),
    }
    if totals.top5 is not None:
        metrics["top5"] = float(totals.top5 / examples)
    metrics["recall"] = recall
    if totals.confusion is not None:
        metrics["confusion"] = totals.confusion.astype(int).tolist()
    return metrics
