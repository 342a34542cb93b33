"""Healthy training programs that faults are put into: a table, grey images, and networks of several kinds."""

import functools

import flax.linen as nn
import jax
import numpy as np

from verification.doctor.case import Subject
from zoo.catalog import load_recipe
from zoo.data.dataset import Dataset
from zoo.data.sources import open_source
from zoo.data.split import ArraySplit
from zoo.recipe import Adam, ConstantRate, Initialization

TRAIN, EVAL = 12_000, 2_000  # Fashion-MNIST images
STEPS = 160


class Plain(nn.Module):
    """A deep plain network without normalization: eight convolutions of 16 channels with ReLU, and a linear layer."""

    num_classes: int = 10
    activation: str = "relu"
    layers: int = 8
    dtype: type = np.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        x = images
        for layer in range(self.layers):
            stride = 2 if layer in (1, 4) else 1
            x = nn.Conv(16, (3, 3), (stride, stride), kernel_init=nn.initializers.he_normal(), name=f"conv{layer + 1}")(
                x
            )
            x = getattr(nn, self.activation)(x) if self.activation else x
        return nn.Dense(self.num_classes, name="fc")(x.mean((1, 2)))


class Residual(nn.Module):
    """A small residual network with batch normalization: a stem and three blocks of two convolutions."""

    num_classes: int = 10
    momentum: float = 0.9
    dtype: type = np.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        def normalize(x, name, **options):
            return nn.BatchNorm(not train, momentum=self.momentum, name=name, **options)(x)

        x = nn.relu(normalize(nn.Conv(16, (3, 3), use_bias=False, name="conv1")(images), "bn1"))
        for block, (channels, stride) in enumerate([(16, 2), (32, 2), (32, 1)]):
            y = nn.Conv(channels, (3, 3), (stride, stride), use_bias=False, name=f"block{block}_conv1")(x)
            y = nn.relu(normalize(y, f"block{block}_bn1"))
            y = nn.Conv(channels, (3, 3), use_bias=False, name=f"block{block}_conv2")(y)
            y = normalize(y, f"block{block}_bn2", scale_init=nn.initializers.zeros)
            if x.shape != y.shape:
                x = nn.Conv(channels, (1, 1), (stride, stride), use_bias=False, name=f"block{block}_skip")(x)
            x = nn.relu(x + y)
        return nn.Dense(self.num_classes, name="fc")(x.mean((1, 2)))


@functools.cache
def fashion_mnist() -> Dataset:
    """Returns a part of Fashion-MNIST in memory."""
    data = open_source("fashion_mnist")
    train = ArraySplit(data.train.images[:TRAIN], data.train.labels[:TRAIN], name="train")
    evaluation = ArraySplit(data.eval.images[:EVAL], data.eval.labels[:EVAL], name="eval")
    return Dataset("fashion_mnist", train, evaluation, data.class_names, data.channels)


def mlp() -> Subject:
    """A fully connected network on a table of 20 features."""
    recipe = load_recipe("mlp")
    data = open_source(recipe.data.source)
    return Subject(recipe.override({"budget.steps": 800, "target": None}), dataset=data)


def lenet5() -> Subject:
    """LeNet-5 with tanh, momentum and a cosine schedule."""
    return Subject(_shorter("lenet5"), dataset=fashion_mnist())


def bn_cnn() -> Subject:
    """A convolution with batch normalization, and Adam."""
    recipe = _shorter("bn_cnn").override({"data.validation": 0.0, "schedule": ConstantRate(peak=0.001)})
    return Subject(recipe, dataset=fashion_mnist())


def plain() -> Subject:
    """A deep plain network of one's own, and Adam."""
    recipe = _shorter("lenet5").override(
        {"optimizer": Adam(), "schedule": ConstantRate(peak=0.002), "initialization": Initialization()}
    )
    return Subject(recipe, Plain(), fashion_mnist())


def residual() -> Subject:
    """A residual network of one's own, with momentum and a cosine schedule."""
    recipe = _shorter("lenet5").override({"schedule.peak": 0.1, "initialization": Initialization()})
    return Subject(recipe, Residual(), fashion_mnist())


def _shorter(name):
    changes = {"budget.steps": STEPS, "target": None, "budget.interim_examples": None}
    return load_recipe(name).override(changes)


BASES = {each.__name__: each for each in (mlp, lenet5, bn_cnn, plain, residual)}
