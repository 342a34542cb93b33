"""The training objective, and counts of correct predictions."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from zoo import parallel
from zoo.data import augment
from zoo.data.normalization import Array
from zoo.data.pipeline import Batch
from zoo.errors import ZooError
from zoo.recipe import SoftmaxCrossEntropy
from zoo.recipe.loss import Loss
from zoo.recipe.metric import TOP5_CLASSES
from zoo.training.step.loss import example_losses

MAX_CONFUSION_CLASSES = 100  # [K, K] counts are transferred to the host with every batch


class Objective(NamedTuple):
    """The objective of a training step without penalties; see `zoo.recipe.Recipe` and `Regularization`.

    Attributes:
      class_weights: float32 [K], see `zoo.recipe.ClassWeights`; None if all are 1.
    """

    loss: Loss = SoftmaxCrossEntropy()
    label_smoothing: float = 0.0
    auxiliary_weight: float | None = None
    class_weights: Array | None = None


CROSS_ENTROPY = Objective()

# The columns of `Sums.outcomes`: 1 for an example and 0 for padding, class, predicted class, loss, and the
# probabilities under the softmax of the predicted class and of the example's own class.
OUTCOMES = ("counted", "label", "predicted", "loss", "probability", "of_class")


class Sums(NamedTuple):
    """Sums over examples, float32.

    Attributes:
      loss: sum of the losses, a scalar.
      correct: number of correct predictions by class, [K].
      count: number of examples by class, [K].
      top5: number of examples whose class is among the five largest logits, a scalar; None in training and for fewer
        than `TOP5_CLASSES` classes.
      confusion: number of examples by class and predicted class, [K, K]; None in training and for more than
        `MAX_CONFUSION_CLASSES` classes.
      outcomes: the prediction for each example, by position in the global batch, [B, 6], see `OUTCOMES`; None in
        training.
    """

    loss: Array
    correct: Array
    count: Array  # type: ignore[assignment]  # shadows tuple.count
    top5: Array | None = None
    confusion: Array | None = None
    outcomes: Array | None = None


def sums_of_outputs(
    outputs: jax.Array | tuple[jax.Array, list[jax.Array]],
    labels: Array,
    weight: Array,
    objective: Objective,
    coefficient: jax.Array | None = None,
) -> Sums:
    """Sums the objective and the correct predictions over a network's outputs in training; see `sums_over_examples`.

    Args:
      outputs: logits [n, K], or (logits, [logits of each auxiliary classifier]), whose weighted losses are added.
      labels: int32 [n].
      weight: float32 [n], 1 for an example and 0 for padding.
      objective: the objective to compute.
      coefficient: float32 [n], mixing coefficients from `mixed_inputs`; None without mixing.

    Raises:
      ZooError: there are auxiliary logits without `auxiliary_weight`, or the other way round.
    """
    auxiliary_weight = objective.auxiliary_weight
    if isinstance(outputs, tuple) != (auxiliary_weight is not None):
        raise ZooError(
            "the network returns no auxiliary logits in training: set auxiliary_weight=None"
            if auxiliary_weight is not None
            else "the network returns auxiliary logits in training: set auxiliary_weight to the weight of their loss"
        )
    logits, auxiliary = outputs if isinstance(outputs, tuple) else (outputs, [])
    targets = augment.soft_targets(labels, coefficient, logits.shape[-1])
    sums, *others = (sums_over_examples(each, targets, weight, objective) for each in (logits, *auxiliary))
    for other in others:
        assert auxiliary_weight is not None
        sums = sums._replace(loss=sums.loss + auxiliary_weight * other.loss)
    return sums


def sums_over_examples(
    logits: jax.Array, targets: jax.Array, weight: Array, objective: Objective = CROSS_ENTROPY
) -> Sums:
    """Sums loss and correct predictions of logits [n, K] over the examples with weight 1.

    Targets are probabilities [n, K]; an example's class is its most probable one. Its loss is multiplied by the mean of
    the class weights under its target before label smoothing.
    """
    # Padding must contribute neither to the loss nor to the gradient, even if its logits are not finite.
    logits = jnp.where(weight[:, None] > 0, logits.astype(jnp.float32), 0.0)
    labels = jnp.argmax(targets, axis=-1)
    classes = jax.nn.one_hot(labels, logits.shape[-1])
    losses = example_losses(objective.loss, logits, optax.smooth_labels(targets, objective.label_smoothing))
    if objective.class_weights is not None:
        losses = losses * (targets @ objective.class_weights)
    correct = jnp.argmax(logits, axis=-1) == labels
    return Sums(losses @ weight, (correct * weight) @ classes, weight @ classes)


def count_predictions(logits: jax.Array, labels: Array, weight: Array) -> dict[str, Array]:
    """Computes `top5` and `confusion` of `Sums` from logits [n, K], each where K is within its limit."""
    counts: dict[str, Array] = {}
    num_classes = logits.shape[-1]
    if num_classes >= TOP5_CLASSES:
        _, best = lax.top_k(logits, 5)
        counts["top5"] = (best == labels[:, None]).any(-1) @ weight
    if num_classes <= MAX_CONFUSION_CLASSES:
        predicted = jax.nn.one_hot(jnp.argmax(logits, axis=-1), num_classes)
        counts["confusion"] = (weight[:, None] * jax.nn.one_hot(labels, num_classes)).T @ predicted
    return counts


def outcomes_of_examples(logits: jax.Array, labels: Array, batch: Batch, loss: Loss) -> jax.Array:
    """Returns this device's part of `outcomes` of `Sums`, which is 0 for the examples of other devices.

    Args:
      logits: [n, K].
      labels: int32 [n].
      batch: this device's shard.
      loss: the recipe's.
    """
    logits = logits.astype(jnp.float32)
    classes = logits.shape[-1]
    predicted, probabilities = jnp.argmax(logits, axis=-1), jax.nn.softmax(logits)
    columns = (
        batch.weight,
        labels,
        predicted,
        example_losses(loss, logits, augment.soft_targets(jnp.asarray(labels), None, classes)),
        jnp.take_along_axis(probabilities, predicted[:, None], axis=-1)[:, 0],
        jnp.take_along_axis(probabilities, jnp.asarray(labels)[:, None], axis=-1)[:, 0],
    )
    rows = jnp.stack([jnp.asarray(column, jnp.float32) for column in columns], axis=-1)
    rows = jnp.where(batch.weight[:, None] > 0, rows, 0.0)
    whole = jnp.zeros((len(rows) * lax.axis_size(parallel.AXIS), rows.shape[-1]), rows.dtype)
    return whole.at[batch.position].set(rows)
