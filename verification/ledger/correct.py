"""Which evaluation examples a run classified correctly: computation, storage, and what it says about chance."""

import base64
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from zoo import parallel
from zoo.data import augment
from zoo.data.pipeline import evaluation_batches
from zoo.layers.lowering import Lowering
from zoo.recipe import TenCrop
from zoo.recipe.augmentation import Transform
from zoo.training.experiment import Experiment, compile_step
from zoo.training.step.inputs import inputs_and_labels


def correct_examples(experiment: Experiment, variables: dict[str, Any]) -> np.ndarray:
    """Returns whether each example of the evaluation split is classified correctly, bool [N].

    Args:
      experiment: of the run.
      variables: {"params": ..., "batch_stats": ...} of its final evaluation.
    """
    pipeline, budget = experiment.eval_pipeline, experiment.recipe.budget
    step = _step(experiment.model, pipeline.transforms, experiment.mesh, experiment.convolution, experiment.strategy)
    constants, batches = experiment.constants(pipeline), []
    for batch in evaluation_batches(
        pipeline, budget.batch_size // budget.accumulation, host=jax.process_index(), hosts=jax.process_count()
    ):
        batches.append(jax.device_get(step(variables, constants, parallel.shard_batch(batch, experiment.mesh))))
    return np.concatenate(batches)[: len(pipeline.split)] > 0


@functools.lru_cache(maxsize=1)  # for several runs of one recipe; limited, as compiled programs use memory
def _step(
    model: nn.Module, transforms: tuple[Transform, ...], mesh: Mesh, convolution: Lowering, strategy: str
) -> Callable:
    """Compiles (variables, constants, batch) -> float32 [B], 1 for each correctly classified example of the batch."""

    def body(variables, constants, batch):
        images, labels = inputs_and_labels(transforms, constants, batch, jax.random.key(0))
        logits = model.apply(variables, images.reshape(-1, *images.shape[-3:]), train=False)
        if isinstance(transforms[-1], TenCrop):
            logits = augment.average_views(transforms[-1], logits.reshape(len(labels), -1, logits.shape[-1]))
        right = (jnp.argmax(logits.astype(jnp.float32), axis=-1) == labels) * batch.weight
        whole = jnp.zeros(len(labels) * lax.axis_size(parallel.AXIS), jnp.float32)
        return parallel.sum_over_devices(whole.at[batch.position].add(right))

    return compile_step(body, mesh, convolution, strategy)


def to_text(correct: np.ndarray) -> str:
    """Returns booleans [N] as text: bits, eight to a byte, the first example in the highest bit, in base64."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode("ascii")


def from_text(text: str, examples: int) -> np.ndarray:
    """Returns the booleans [examples] of `to_text`."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=examples).astype(bool)


def deviation_of_independent_errors(runs: Sequence[dict[str, Any]]) -> float | None:
    """Returns the standard deviation of top-1 accuracy over runs whose errors on different examples are independent.

    It is sqrt(sum p (1 - p)) / N, where p is the probability of classifying an example correctly. For n runs with m
    correct, m (n - m) / (n (n - 1)) estimates p (1 - p) without bias. A larger observed deviation means that runs are
    better or worse as a whole.

    Args:
      runs: from a ledger, with the same evaluation split.

    Returns:
      The deviation, a fraction; None if fewer than two runs hold the correctness of each example.
    """
    known = [run for run in runs if "correct" in run]
    if len(known) < 2:
        return None
    examples = known[0]["evaluations"][-1]["examples"]
    right = np.stack([from_text(run["correct"], examples) for run in known])
    count, n = right.sum(0, dtype=float), len(known)
    return math.sqrt((count * (n - count)).sum() / (n * (n - 1))) / examples
