"""Evaluation of a network on an input pipeline; every example counts exactly once."""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from zoo import parallel
from zoo.data.pipeline import InputPipeline, evaluation_batches
from zoo.training.run.mistakes import Outcomes, make_outcomes
from zoo.training.step.inputs import Constants
from zoo.training.step.objective import Sums

MAX_BATCH_FACTOR = 4  # evaluation needs less memory than training, and larger batches read the weights less often
BY_CLASS = ("recall", "confusion")  # per-class metrics: lists, which are too long for a record


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
    on_outcomes: Callable[[Outcomes], None] = lambda outcomes: None,
) -> dict[str, Any]:
    """Evaluates a network on a split.

    Args:
      eval_step: from `Experiment.eval_step`.
      variables: of the network.
      constants, pipeline: of the split; see `Experiment`.
      mesh: devices.
      batch_size: global batch size of training, or of its micro-batches; evaluation batches are up to
        `MAX_BATCH_FACTOR` times as large.
      indices: the examples to evaluate; None for all.
      on_progress: called as (examples done, total examples); an exception that it raises ends the evaluation.
      on_outcomes: called at the end with the predictions for all examples.

    Returns:
      Numbers: `loss` (mean of the recipe's loss), `top1` (accuracy), `balanced_accuracy` (mean recall over classes),
      `majority` (fraction of the most frequent class, the accuracy of the majority-class baseline), `examples` (number
      of examples) and, for ten or more classes, `top5` (fraction of examples whose class is among the five largest
      logits).

      Lists, named in `BY_CLASS`: `recall` of each class, None for a class without examples; and for up to 100 classes
      `confusion`, with a list for each class of the number of its examples by predicted class.
    """
    total = len(pipeline.split) if indices is None else len(indices)
    batch_size *= min(MAX_BATCH_FACTOR, math.ceil(total / batch_size))
    batches = evaluation_batches(
        pipeline,
        batch_size,
        indices,
        host=jax.process_index(),
        hosts=jax.process_count(),
    )
    totals: Sums | None = None
    rows: list[np.ndarray] = []
    for done, batch in enumerate(batches, start=1):
        sums = jax.device_get(eval_step(variables, constants, parallel.shard_batch(batch, mesh)))
        rows.append(sums.outcomes)
        # Summed in float64: float32 cannot count beyond 16,777,216.
        sums = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), sums._replace(outcomes=None))
        totals = sums if totals is None else jax.tree.map(np.add, totals, sums)
        on_progress(min(done * batch_size, total), total)
    assert totals is not None  # a split has at least one example
    on_outcomes(make_outcomes(np.concatenate(rows)[:total], np.arange(total) if indices is None else indices))
    correct, count = totals.correct, totals.count
    examples = max(float(count.sum()), 1.0)
    recall = [float(right / number) if number else None for right, number in zip(correct, count, strict=True)]
    present = [value for value in recall if value is not None]
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
