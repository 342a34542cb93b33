"""Faults of the network: activations, initial weights, layers, and parameters that are not trained."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from verification.doctor.bases import Plain, Residual
from verification.doctor.case import Fault
from zoo.models.registry import create_model
from zoo.recipe import Constant, Initialization, Normal


class Changed(nn.Module):
    """A network whose output passes another function, and whose batch may be mixed up.

    Attributes:
      inner: the network.
      activation: of the output, by the name of a function of `flax.linen`; None for none.
      crosstalk: weight of the mean output of the batch that is added to each output.
      stopped: whether gradients stop before the last layer.
    """

    inner: nn.Module
    activation: str | None = None
    crosstalk: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        outputs = self.inner(images, train=train)
        if self.crosstalk:
            outputs = outputs + self.crosstalk * (outputs.mean(0, keepdims=True) - outputs)
        return getattr(nn, self.activation)(outputs) if self.activation else outputs


class Frozen(nn.Module):
    """A convolutional network whose first layers get no gradient."""

    num_classes: int = 10
    frozen: int = 6
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        x = images
        for layer in range(6):
            stride = 2 if layer in (1, 3) else 1
            x = nn.relu(nn.Conv(16, (3, 3), (stride, stride), name=f"conv{layer + 1}")(x))
            x = jax.lax.stop_gradient(x) if layer == self.frozen - 1 else x
        return nn.Dense(self.num_classes, name="fc")(x.mean((1, 2)))


class Narrow(nn.Module):
    """A network with a bottleneck of very few units."""

    num_classes: int = 10
    width: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        x = images.reshape(len(images), -1)
        x = nn.relu(nn.Dense(self.width, name="fc1")(x))
        x = nn.relu(nn.Dense(self.width, name="fc2")(x))
        return nn.Dense(self.num_classes, name="fc3")(x)


class Collapsed(nn.Module):
    """A convolutional network with strides that leave one pixel after three of eight layers."""

    num_classes: int = 10
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        x = images
        for layer in range(8):
            x = nn.relu(nn.Conv(16, (3, 3), (4, 4) if layer < 3 else (1, 1), name=f"conv{layer + 1}")(x))
        return nn.Dense(self.num_classes, name="fc")(x.mean((1, 2)))


def _network(subject):
    if subject.model is not None:
        return subject.model
    recipe = subject.recipe
    return create_model(recipe.model.name, len(subject.data.class_names), **recipe.model.options)


def _output(subject, activation):
    # The recipe's patterns are of the network's own parameters, which are below "inner" here.
    changed = dataclasses.replace(subject, model=Changed(_network(subject), activation))
    return changed.override({"initialization.exceptions": {}})


def _crosstalk(subject, amount):
    changed = dataclasses.replace(subject, model=Changed(_network(subject), crosstalk=amount))
    return changed.override({"initialization.exceptions": {}})


def _initialization(subject, stddev):
    return subject.override({"initialization": Initialization(kernel=Normal(stddev), bias=Constant(0.0))})


def _constant(subject, value):
    return subject.override({"initialization": Initialization(kernel=Constant(value), bias=Constant(0.0))})


def _activation(subject, activation):
    return dataclasses.replace(subject, model=Plain(activation=activation or ""))


def _deep(subject, layers):
    return dataclasses.replace(subject, model=Plain(activation="sigmoid", layers=layers))


def _frozen(subject, layers):
    return dataclasses.replace(subject, model=Frozen(frozen=layers))


def _narrow(subject, width):
    return dataclasses.replace(subject, model=Narrow(width=width))


def _collapsed(subject, strength):
    return dataclasses.replace(subject, model=Collapsed())


def _outputs(subject, number):
    return dataclasses.replace(subject, model=Plain(number))


def _running(subject, momentum):
    return dataclasses.replace(subject, model=Residual(momentum=momentum))


FAULTS = (
    Fault("softmax before the loss", ("output_activation",), _output, ("softmax",), ("lenet5", "bn_cnn", "mlp")),
    Fault("other output activation", ("output_activation",), _output, ("relu", "sigmoid"), ("lenet5", "bn_cnn")),
    Fault("crosstalk", ("batch_crosstalk",), _crosstalk, (0.5, 0.05), ("lenet5", "bn_cnn")),
    Fault("large weights", ("initialization_scale",), _initialization, (1.0, 3.0), ("plain", "lenet5")),
    Fault("small weights", ("initialization_scale",), _initialization, (1e-4, 1e-3), ("plain", "lenet5")),
    Fault("constant weights", ("initialization_symmetric",), _constant, (0.01, 0.05), ("lenet5", "mlp")),
    Fault("no activation", ("hidden_activation",), _activation, (None,), ("plain",)),
    Fault("deep sigmoids", ("hidden_activation", "normalization_missing"), _deep, (8, 12), ("plain",)),
    Fault("frozen layers", ("frozen_parameters",), _frozen, (6, 4), ("plain",)),
    Fault("very few units", ("capacity_too_small",), _narrow, (1, 2), ("plain",)),
    Fault("collapsed maps", ("feature_map_collapse",), _collapsed, (None,), ("plain",)),
    Fault("slow running statistics", ("batch_norm_misuse",), _running, (0.99999, 0.9999), ("residual",)),
    Fault("wrong number of outputs", ("head_width",), _outputs, (9, 5, 100), ("plain",)),
)
