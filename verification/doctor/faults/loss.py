"""Faults of the loss as a function."""

import dataclasses

import jax
import jax.numpy as jnp

from verification.doctor.case import Fault


def summed(outputs, labels):
    """The sum of cross-entropies."""
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[:, None], 1).sum()


def maximized(outputs, labels):
    """The negative of the cross-entropy."""
    return jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[:, None], 1).mean()


def squared(outputs, labels):
    """The mean squared error of the outputs."""
    return jnp.square(outputs - jax.nn.one_hot(labels, outputs.shape[-1])).mean()


def clipped(outputs, labels):
    """The logarithm of a clipped softmax, whose gradient vanishes for wrong predictions."""
    probabilities = jnp.clip(jax.nn.softmax(outputs), 1e-7, 1 - 1e-7)
    return -jnp.log(jnp.take_along_axis(probabilities, labels[:, None], 1)).mean()


def unprotected(outputs, labels):
    """A softmax by exponentials without subtracting the largest output."""
    powers = jnp.exp(outputs)
    return -jnp.log(jnp.take_along_axis(powers / powers.sum(-1, keepdims=True), labels[:, None], 1)).mean()


def over_the_batch(outputs, labels):
    """A softmax over the examples of the batch instead of the classes."""
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs, axis=0), labels[:, None], 1).mean()


def absolute(outputs, labels):
    """The mean absolute error of the probabilities."""
    return jnp.abs(jax.nn.softmax(outputs) - jax.nn.one_hot(labels, outputs.shape[-1])).mean() * 0.01


def _loss(subject, loss):
    return dataclasses.replace(subject, loss=loss)


FAULTS = (
    Fault("sum over the batch", ("loss_reduction",), _loss, (summed,), ("lenet5", "plain")),
    Fault("sign of the loss", ("gradient_sign",), _loss, (maximized,), ("lenet5", "mlp")),
    Fault("clipped softmax", ("loss_unstable",), _loss, (clipped,), ("lenet5", "mlp"), harmful=False),
    Fault("unprotected softmax", ("loss_unstable",), _loss, (unprotected,), ("lenet5", "bn_cnn"), harmful=False),
    Fault("softmax over the batch", ("loss_kind",), _loss, (over_the_batch,), ("lenet5", "bn_cnn")),
    Fault("absolute error", ("loss_kind", "learning_rate_low"), _loss, (absolute,), ("lenet5", "residual")),
)
