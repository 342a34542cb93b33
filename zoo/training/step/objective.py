"""What a training step makes small, and what is counted of a network's answers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from zoo.data import augment
from zoo.data.normalization import Array
from zoo.errors import ZooError
from zoo.recipe import SoftmaxCrossEntropy
from zoo.recipe.loss import Loss
from zoo.recipe.metric import TOP5_CLASSES
from zoo.training.step.loss import example_losses

CONFUSION_CLASSES = 100  # [K, K] counts go to the host with every batch, and nobody reads a larger matrix


class Objective(NamedTuple):
    """What a training step makes small, penalties aside; see `zoo.recipe.Recipe` and `Regularization`.

    Attributes:
      class_weights: float32 [K], see `zoo.recipe.ClassWeights`; None if all are 1.
    """

    loss: Loss = SoftmaxCrossEntropy()
    label_smoothing: float = 0.0
    auxiliary_weight: float | None = None
    class_weights: Array | None = None


CROSS_ENTROPY = Objective()


class Sums(NamedTuple):
    """Sums over examples, float32.

    Attributes:
      loss: of their losses, a scalar.
      correct: the number of right answers by class, [K].
      count: their number by class, [K].
      top5: the number whose class is among the five largest logits; None in training, and for fewer than `TOP5_CLASSES`.
      confusion: their number by class and by answer, [K, K]; None in training, and for more than `CONFUSION_CLASSES`.
    """

    loss: Array
    correct: Array
    count: Array  # type: ignore[assignment]  # and not the method of tuples
    top5: Array | None = None
    confusion: Array | None = None


def sums_of_outputs(
    outputs: jax.Array | tuple[jax.Array, list[jax.Array]],
    labels: Array,
    weight: Array,
    objective: Objective,
    share: jax.Array | None = None,
) -> Sums:
    """The objective and the right answers of what a network gives in training, summed as by `sums_over_examples`.

    Args:
      outputs: logits [n, K], or (logits, [logits of each auxiliary classifier]), whose losses are added, weighted.
      labels: int32 [n].
      weight: float32 [n], 1 for an example and 0 for what only fills the batch up.
      objective: what is made small.
      share: of each image that is its own, see `mixed_inputs`.

    Raises:
      ZooError: there are auxiliary classifiers, and no weight for them, or the other way round.
    """
    auxiliary_weight = objective.auxiliary_weight
    if isinstance(outputs, tuple) != (auxiliary_weight is not None):
        raise ZooError(
            "the network gives no auxiliary logits in training: set auxiliary_weight=None"
            if auxiliary_weight is not None
            else "the network gives auxiliary logits in training: say with auxiliary_weight=... how much they count"
        )
    logits, auxiliary = outputs if isinstance(outputs, tuple) else (outputs, [])
    targets = augment.soft_targets(labels, share, logits.shape[-1])
    sums, *others = (sums_over_examples(each, targets, weight, objective) for each in (logits, *auxiliary))
    for other in others:
        assert auxiliary_weight is not None
        sums = sums._replace(loss=sums.loss + auxiliary_weight * other.loss)
    return sums


def sums_over_examples(
    logits: jax.Array, targets: jax.Array, weight: Array, objective: Objective = CROSS_ENTROPY
) -> Sums:
    """Loss and right answers of logits [n, K], summed over the examples that have weight 1.

    Targets are probabilities [n, K]; the right answer is the most probable class, and an example counts to it. Its loss is
    multiplied by the mean of the classes' weights, each by its part in the target, before that is smoothed.
    """
    # A place that only fills the batch up must not count, nor its gradient, even if its logits are not finite.
    logits = jnp.where(weight[:, None] > 0, logits.astype(jnp.float32), 0.0)
    labels = jnp.argmax(targets, axis=-1)
    classes = jax.nn.one_hot(labels, logits.shape[-1])
    losses = example_losses(objective.loss, logits, optax.smooth_labels(targets, objective.label_smoothing))
    if objective.class_weights is not None:
        losses = losses * (targets @ objective.class_weights)
    correct = jnp.argmax(logits, axis=-1) == labels
    return Sums(losses @ weight, (correct * weight) @ classes, weight @ classes)


def count_answers(logits: jax.Array, labels: Array, weight: Array) -> dict[str, Array]:
    """`top5` and `confusion` of `Sums`, for as many classes as each is for, from logits [n, K]."""
    counts: dict[str, Array] = {}
    num_classes = logits.shape[-1]
    if num_classes >= TOP5_CLASSES:
        _, best = lax.top_k(logits, 5)
        counts["top5"] = (best == labels[:, None]).any(-1) @ weight
    if num_classes <= CONFUSION_CLASSES:
        answers = jax.nn.one_hot(jnp.argmax(logits, axis=-1), num_classes)
        counts["confusion"] = (weight[:, None] * jax.nn.one_hot(labels, num_classes)).T @ answers
    return counts
