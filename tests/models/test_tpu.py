"""Tests that the training step of every network can be lowered for TPUs, without running it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verification.architecture.behaviour import SIDE, create_shallow
from verification.test_verification import LARGER, LOOKED_INTO, marked
from zoo import parallel
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Batch
from zoo.layers.lowering import convolution_lowering, lowering_of_programs
from zoo.models.registry import find_entry, list_models
from zoo.recipe import SGD, ConstantRate, HorizontalFlip, Normalize, RandomCrop, Regularization
from zoo.training.step.initialization import initial_variables
from zoo.training.step.inputs import Constants
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.schedule import learning_rate
from zoo.training.step.state import create_state
from zoo.training.step.step import make_train_step, several_steps

IMAGES = 8


def abstract_step(name, steps):
    """Returns a training step of a network in bfloat16, or a program of several steps, and abstract arguments."""
    model, (height, _, channels) = create_shallow(name, dtype=jnp.bfloat16), find_entry(name).input_shape
    side = max(model.smallest, min(SIDE, height))
    rate = learning_rate(ConstantRate(0.1), 100)
    optimizer = make_optimizer(SGD(0.9), Regularization(5e-4), rate)
    body = make_train_step(model, (RandomCrop(side, padding=4), HorizontalFlip(), Normalize()), optimizer, rate)
    body = several_steps(body) if steps else body
    program = convolution_lowering(lowering_of_programs("tpu"))(body)
    shape = (side, side, channels)
    state = jax.eval_shape(lambda: create_state(initial_variables(model, shape), optimizer, jnp.uint32(0)))
    front = (steps, IMAGES) if steps else (IMAGES,)
    batch = Batch(
        *(np.zeros(front, dtype) for dtype in (np.int32, np.int32, np.float32)),
        np.zeros((*front, *shape), np.uint8),
        np.zeros(front, np.int32),
    )
    ones = np.ones(channels, np.float32)
    constants = Constants(Statistics(ones, ones, np.eye(channels, dtype=np.float32)), None, None)
    mesh = parallel.make_mesh(jax.devices()[:1])
    return parallel.data_parallel(program, mesh, donate=True, of_steps=bool(steps)), state, constants, batch


@pytest.mark.parametrize(
    "name", marked(list_models(), full=LARGER.__contains__, slow=lambda name: name not in LOOKED_INTO)
)
def test_the_training_step_is_lowered_for_tpus(name):
    step, *arguments = abstract_step(name, steps=0)
    exported = jax.export.export(step, platforms=["tpu"])(*arguments)
    assert exported.platforms == ("tpu",)
    text = exported.mlir_module()
    # No CPU lowering, and products in bfloat16.
    assert "zoo_" not in text and "onednn" not in text.lower() and "xbf16" in text


def test_several_steps_are_lowered_for_tpus():
    step, *arguments = abstract_step("bn_cnn", steps=3)
    assert "stablehlo.while" in jax.export.export(step, platforms=["tpu"])(*arguments).mlir_module()
