"""Mistakes in the training objective."""

import jax
import jax.numpy as jnp
import numpy as np

import zoo.data.imbalance
import zoo.training.prepare.data
import zoo.training.step.objective
from verification.faults.applies import mixing, weighted
from verification.faults.fault import fault
from verification.faults.patching import replaced, with_attributes, with_backward, with_scaled_gradient
from zoo.recipe import SoftmaxCrossEntropy
from zoo.training.step import step


def _cross_entropy(recipe):
    return isinstance(recipe.loss, SoftmaxCrossEntropy)


def _of_outputs(change):
    """Changes the logits that training's objective is computed from: `change(logits, labels) -> logits`."""

    def make(right):
        def wrong(outputs, labels, *arguments, **options):
            return right(jax.tree.map(lambda each: change(each, labels), outputs), labels, *arguments, **options)

        return wrong

    return replaced(step, "sums_of_outputs", make)


def _of_loss(change):
    """Changes the loss that is differentiated: `change(loss, weight) -> loss`, both of the batch."""

    def make(right):
        def wrong(outputs, labels, weight, *arguments, **options):
            sums = right(outputs, labels, weight, *arguments, **options)
            return sums._replace(loss=change(sums.loss, weight))

        return wrong

    return replaced(step, "sums_of_outputs", make)


def _of_examples(change):
    """Changes training's sums over examples: `change(sums, right, logits, targets, weight, objective) -> sums`."""

    def make(right):
        def wrong(logits, targets, weight, objective):
            sums = right(logits, targets, weight, objective)
            return change(sums, right, logits, targets, weight, objective)

        return wrong

    return replaced(zoo.training.step.objective, "sums_over_examples", make)


@fault("A softmax precedes the loss in training, although the loss has one.")
def softmax_before_loss():
    return _of_outputs(lambda logits, labels: jax.nn.softmax(logits))


@fault("The logits pass a ReLU in training.")
def relu_before_loss():
    return _of_outputs(lambda logits, labels: jnp.maximum(logits, 0))


@fault("Training's logits are clipped, with no gradient beyond.", strengths=(1.0, 3.0), matters=3.0, bases=("lenet5",))
def logits_clipped(limit):
    """They are small at first: the first steps are right."""
    return _of_outputs(lambda logits, labels: jnp.clip(logits, -limit, limit))


@fault("The loss's gradient is scaled.", strengths=(1.5, 1.05, 1.01), matters=1.05)
def loss_gradient_scaled(factor):
    scaled = with_scaled_gradient(factor)
    return _of_loss(lambda loss, weight: scaled(loss))


@fault(
    "The gradient of cross-entropy is p - c y, with a c below 1.",
    strengths=(0.8, 0.95),
    matters=0.95,
    applies=_cross_entropy,
)
def cross_entropy_gradient(factor):
    def change(logits, labels):
        one_hot = jax.nn.one_hot(labels, logits.shape[-1])
        return with_backward(lambda gradient: gradient + (1 - factor) * one_hot)(logits)

    return _of_outputs(change)


@fault("The logit of the last class gets no gradient.", bases=("mlp", "lenet5"))
def class_detached():
    return _of_outputs(lambda logits, labels: logits.at[..., -1].set(jax.lax.stop_gradient(logits[..., -1])))


@fault("The gradient is that of the sum over the batch, not of the mean.")
def sum_for_mean():
    def make(right):
        def wrong(outputs, labels, weight, *arguments, **options):
            sums = right(outputs, labels, weight, *arguments, **options)
            return sums._replace(loss=with_scaled_gradient(len(labels))(sums.loss))

        return wrong

    return replaced(step, "sums_of_outputs", make)


@fault("The softmax of the loss is over the batch.", applies=_cross_entropy)
def loss_over_wrong_axis():
    def make(right):
        def wrong(loss, logits, targets):
            return -(jax.nn.log_softmax(logits, axis=0) * targets).sum(-1)

        return wrong

    return replaced(zoo.training.step.objective, "example_losses", make)


@fault(
    "The loss is the logarithm of a softmax clipped from below.",
    strengths=(1e-1, 1e-3, 1e-7),
    matters=1e-3,
    applies=_cross_entropy,
)
def clipped_log(least):
    def make(right):
        def wrong(loss, logits, targets):
            return -(jnp.log(jnp.clip(jax.nn.softmax(logits), least, 1.0)) * targets).sum(-1)

        return wrong

    return replaced(zoo.training.step.objective, "example_losses", make)


@fault("Labels are smoothed in training though the recipe does not.", strengths=(0.1, 0.01), applies=_cross_entropy)
def label_smoothing(amount):
    def make(right):
        def wrong(outputs, labels, weight, objective, *arguments):
            changed = objective._replace(label_smoothing=objective.label_smoothing + amount)
            return right(outputs, labels, weight, changed, *arguments)

        return wrong

    return replaced(step, "sums_of_outputs", make)


@fault(
    "Label smoothing spreads its part over the other classes, without the example's own.",
    applies=lambda recipe: recipe.regularization.label_smoothing > 0,
    bases=("verification.faults.bases.mixed",),
)
def smoothing_of_other_classes():
    def wrong(labels, alpha):
        return (1 - alpha) * labels + alpha * (1 - labels) / (labels.shape[-1] - 1)

    return replaced(zoo.training.step.objective, "optax", lambda module: with_attributes(module, smooth_labels=wrong))


@fault("Training's logits are divided by a temperature.", strengths=(2.0, 1.1), matters=1.1)
def temperature(value):
    return _of_outputs(lambda logits, labels: logits / value)


@fault(
    "The square of the logarithm of the softmax's denominator is added to the loss, as for large language models.",
    strengths=(1e-2, 1e-3, 1e-4),
    matters=1e-3,
    bases=("mlp", "lenet5"),
)
def denominator_penalized(factor):
    def change(sums, right, logits, targets, weight, objective):
        penalty = factor * jax.nn.logsumexp(logits.astype(jnp.float32), axis=-1) ** 2
        return sums._replace(loss=sums.loss + penalty @ weight)

    return _of_examples(change)


@fault("Class weights are inverted: rare classes count less.", applies=weighted)
def class_weights_inverted():
    def make(module):
        def wrong(*arguments):
            right = module.class_weights(*arguments)
            return None if right is None else (1 / right).astype(right.dtype)

        return with_attributes(module, class_weights=wrong)

    return replaced(zoo.training.prepare.data, "imbalance", make)


@fault("Class weights are ignored.", applies=weighted)
def class_weights_ignored():
    def make(right):
        def wrong(outputs, labels, weight, objective, *arguments):
            return right(outputs, labels, weight, objective._replace(class_weights=None), *arguments)

        return wrong

    return replaced(step, "sums_of_outputs", make)


@fault(
    "Every class has the weight of the class before.", applies=weighted, bases=("verification.faults.bases.weighted",)
)
def class_weights_of_other_classes():
    def make(right):
        def wrong(*arguments):
            weights = right(*arguments)
            return None if weights is None else np.roll(weights, 1)

        return wrong

    return replaced(zoo.data.imbalance, "class_weights", make)


@fault(
    "The weighted loss is divided by the sum of the weights in the batch, as in PyTorch.",
    applies=weighted,
    bases=("verification.faults.bases.weighted",),
)
def class_weights_normalized():
    def change(sums, right, logits, targets, weight, objective):
        if objective.class_weights is None:
            return sums
        total = (targets @ objective.class_weights) @ weight
        return sums._replace(loss=sums.loss * weight.sum() / jnp.maximum(total, 1e-6))

    return _of_examples(change)


@fault(
    "The loss of an example has the weight of the class that is predicted, not of its own.",
    applies=weighted,
    bases=("verification.faults.bases.weighted",),
)
def class_weight_of_prediction():
    def change(sums, right, logits, targets, weight, objective):
        if objective.class_weights is None:
            return sums
        of_prediction = jax.nn.one_hot(logits.argmax(-1), logits.shape[-1]) @ objective.class_weights
        return sums._replace(
            loss=right(logits, targets, weight * of_prediction, objective._replace(class_weights=None)).loss
        )

    return _of_examples(change)


@fault("The labels of mixed images are not mixed.", applies=mixing)
def labels_not_mixed():
    def make(right):
        def wrong(outputs, labels, weight, objective, coefficient=None):
            return right(outputs, labels, weight, objective, None)

        return wrong

    return replaced(step, "sums_of_outputs", make)


@fault("The coefficients of mixed labels are the neighbours'.", applies=mixing)
def mixed_labels_swapped():
    def make(right):
        def wrong(outputs, labels, weight, objective, coefficient=None):
            return right(outputs, labels, weight, objective, None if coefficient is None else 1 - coefficient)

        return wrong

    return replaced(step, "sums_of_outputs", make)
