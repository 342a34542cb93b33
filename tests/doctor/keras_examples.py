"""Small networks, data and programs of Keras; modules that import it are skipped without Keras."""

import copy
import os
import random
import sys

import numpy as np
import pytest

from zoo.doctor.adapters.keras_program import from_keras

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
layers = keras.layers
CLASSES = 3
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.standard_normal((64, 6, 8, 2)).astype(np.float32)
LABELS = (IMAGES.mean((1, 2, 3)).argsort().argsort() * CLASSES // 64).astype(np.int64)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(*more, loss=CROSS_ENTROPY, optimizer=None, head=None, **options):
    keras.utils.set_random_seed(0)
    body = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(), layers.Flatten()]
    model = keras.Sequential([keras.Input(IMAGES.shape[1:]), *body, layers.Dense(CLASSES, activation=head), *more])
    model.compile(optimizer or keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=["accuracy"], **options)
    return model


def program(model=None, train=None, evaluation=None, **options):
    own = IMAGES, LABELS
    return from_keras(model or network(), train or own, evaluation or own, **{"batch_size": 16} | options)


def trace(model):
    """Everything of the user's that could change."""
    held = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    flags = [(layer.trainable, "call" in vars(layer)) for layer in model.layers]
    states = random.getstate(), np.random.get_state()
    if torch := sys.modules.get("torch"):
        states += (torch.get_rng_state().numpy(),)
    return copy.deepcopy(([np.array(keras.ops.convert_to_numpy(each)) for each in held], flags, model.compiled, states))


def same(one, other):
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def cross_entropy(logits, labels):
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    return -np.mean((logits - np.log(np.exp(logits).sum(-1, keepdims=True)))[np.arange(len(labels)), labels])
